//! Data sets become items and targets.

use std::{fs, path::Path};

use pfp_compiler::{
    error::Error,
    signature::{Signature, Tensor},
};
use pfp_evaluate::{data::Preparation, eval::Spec};
use pfp_train::data::{Data, Reading, SeveralLabels, Target};
use tempfile::TempDir;

fn tensor(name: &str, shape: &[usize]) -> Tensor {
    Tensor {
        name: name.into(),
        shape: shape.to_vec(),
        dtype: "f32",
        layout: "row-major",
        gaussian: false,
        ..Tensor::default()
    }
}

/// A network of two numbers.
fn signature(outputs: usize) -> Signature {
    Signature {
        inputs: vec![tensor("input", &[1, 2])],
        outputs: vec![tensor("output", &[1, outputs])],
        is_whole_batch: false,
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes an array of doubles as .npy.
    fn npy(&self, name: &str, shape: &[usize], values: &[f64]) -> String {
        let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
        let mut header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.write(name, &bytes)
    }

    /// Writes an IDX file of bytes.
    fn idx(&self, name: &str, shape: &[u32], values: &[u8]) -> String {
        let mut bytes = vec![0, 0, 8, u8::try_from(shape.len()).unwrap()];
        shape.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(values);
        self.write(name, &bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn open(specs: &[String], target: Target, labels: SeveralLabels) -> Result<Data, Error> {
    let specs: Vec<Spec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    let outputs = if target == Target::Binary { 1 } else { target.width() };
    let preparation = Preparation { scale: Some("1/10".parse().unwrap()), normalize: None };
    let signature = signature(outputs);
    Data::open(&specs, Reading { preparation: &preparation, signature: &signature, target, labels })
}

fn rows(data: &Data) -> Vec<(Vec<f32>, Vec<f32>)> {
    (0..data.len()).map(|item| (data.input(item), data.target(item).to_vec())).collect()
}

#[test]
fn sets_are_joined_and_labels_become_shares() {
    let folder = Folder::new();
    folder.idx("a-images-idx3-ubyte", &[2, 1, 2], &[10, 20, 30, 40]);
    folder.idx("a-labels-idx1-ubyte", &[2], &[2, 0]);
    let x = folder.npy("x.npy", &[1, 2], &[1.0, 2.0]);
    let y = folder.npy("y.npy", &[1, 3], &[0.25, 0.75, 0.0]);
    let sets = [format!("{}/a", folder.path().display()), format!("{x}@labels={y}@scale=1")];
    let data = open(&sets, Target::Classes(3), SeveralLabels::Mean).unwrap();
    let expected = [
        (vec![1.0, 2.0], vec![0.0, 0.0, 1.0]),
        (vec![3.0, 4.0], vec![1.0, 0.0, 0.0]),
        (vec![1.0, 2.0], vec![0.25, 0.75, 0.0]),
    ];
    assert_eq!(rows(&data), expected);
}

#[test]
fn several_labels_are_one_mean_or_an_item_each() {
    let folder = Folder::new();
    folder.idx("a-images-idx3-ubyte", &[2, 1, 2], &[10, 20, 30, 40]);
    folder.idx("a-labels-idx2-ubyte", &[2, 4], &[2, 2, 2, 1, 0, 0, 1, 1]);
    let sets = [format!("{}/a", folder.path().display())];
    let data = open(&sets, Target::Classes(3), SeveralLabels::Mean).unwrap();
    let expected = [(vec![1.0, 2.0], vec![0.0, 0.25, 0.75]), (vec![3.0, 4.0], vec![0.5, 0.5, 0.0])];
    assert_eq!(rows(&data), expected);
    let data = open(&sets, Target::Classes(3), SeveralLabels::Each).unwrap();
    assert_eq!(data.len(), 8);
    assert_eq!(rows(&data)[3], (vec![1.0, 2.0], vec![0.0, 1.0, 0.0]));
    assert_eq!(rows(&data)[4], (vec![3.0, 4.0], vec![1.0, 0.0, 0.0]));
    let both = [&sets[..], &sets[..]].concat();
    let twice = open(&both, Target::Classes(3), SeveralLabels::Each).unwrap();
    assert_eq!(rows(&twice)[8..], rows(&data)[..]);
    assert!(twice.sha256() != data.sha256());
}

#[test]
fn two_classes_are_one_share_and_numbers_are_themselves() {
    let folder = Folder::new();
    let x = folder.npy("x.npy", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let y = folder.npy("y.npy", &[3], &[1.0, 0.0, 1.0]);
    let sets = [format!("{x}@labels={y}")];
    let data = open(&sets, Target::Binary, SeveralLabels::Mean).unwrap();
    let targets: Vec<_> = rows(&data).into_iter().map(|(_, target)| target).collect();
    assert_eq!(targets, [[1.0], [0.0], [1.0]]);
    let y = folder.npy("shares.npy", &[3], &[0.25, 1.0, 0.0]);
    let sets = [format!("{x}@labels={y}")];
    let data = open(&sets, Target::Binary, SeveralLabels::Mean).unwrap();
    let targets: Vec<_> = rows(&data).into_iter().map(|(_, target)| target).collect();
    assert_eq!(targets, [[0.25], [1.0], [0.0]]);
    let y = folder.npy("y2.npy", &[3, 2], &[0.5, -1.5, 2.5, 3.5, 1e3, 0.0]);
    let sets = [format!("{x}@labels={y}")];
    let data = open(&sets, Target::Numbers(2), SeveralLabels::Mean).unwrap();
    assert_eq!(data.target(2), [1e3, 0.0]);
    assert_eq!(data.input(0), [0.1, 0.2]);
}

#[test]
fn what_cannot_be_meant_is_an_error() {
    let folder = Folder::new();
    let x = folder.npy("x.npy", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let long = folder.npy("long.npy", &[2, 3], &[0.0; 6]);
    let none = folder.npy("none.npy", &[0, 2], &[]);
    let nan = folder.npy("nan.npy", &[2, 2], &[1.0, 2.0, f64::NAN, 4.0]);
    let classes = folder.npy("classes.npy", &[2], &[0.0, 3.0]);
    let few = folder.npy("few.npy", &[3], &[0.0, 1.0, 0.0]);
    let right = folder.npy("right.npy", &[2], &[0.0, 1.0]);
    let infinite = folder.npy("infinite.npy", &[2], &[0.0, f64::INFINITY]);
    let shares = folder.npy("shares.npy", &[2, 3], &[0.5, 0.5, 0.0, 0.5, 0.2, 0.0]);
    let beyond = folder.npy("beyond.npy", &[2], &[0.5, 1.5]);
    let far = folder.npy("far.npy", &[2], &[0.0, 1e300]);
    for (set, target, needle) in [
        (
            format!("{x}@labels={shares}"),
            Target::Classes(3),
            "in item 1 that add up to 0.7, not to 1",
        ),
        (format!("{x}@labels={beyond}"), Target::Binary, "has the target 1.5 in item 1; shares of"),
        (format!("{x}@labels={far}"), Target::Numbers(1), "far.npy has the target 1e300 in item 1"),
        (format!("{x}@labels={classes}"), Target::Classes(3), "has the label 3, but the network"),
        (format!("{x}@labels={few}"), Target::Classes(3), "labels of shape [3] for the 2 item(s)"),
        (x.clone(), Target::Classes(3), "there are no labels"),
        (x.clone(), Target::Numbers(1), "there are no targets"),
        (format!("{x}@labels={few}"), Target::Numbers(1), "targets of shape [3]"),
        (format!("{x}@labels={infinite}"), Target::Numbers(1), "infinite.npy has the target inf"),
        (format!("{long}@labels={right}"), Target::Classes(3), "does not fit the network"),
        (format!("{none}@labels={right}"), Target::Classes(3), "has no items"),
        (format!("{nan}@labels={right}"), Target::Classes(3), "NaN in item 1, element 0"),
        ("nowhere".into(), Target::Classes(3), "no file or folder nowhere"),
    ] {
        let error = open(std::slice::from_ref(&set), target, SeveralLabels::Mean).unwrap_err();
        assert!(error.to_string().contains(needle), "{set}: {error}");
    }
    assert!(open(&[], Target::Binary, SeveralLabels::Mean).is_err());
}

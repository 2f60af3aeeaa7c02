//! Items and their labels: IDX, `.npy`, safetensors, folders of PNG images.

mod folder;
mod spec;

use std::{ops::Range, path::Path};

pub use spec::Spec;

use super::result::{Role, Set};
use crate::{
    batches::Items,
    data::{self, Array, Preparation},
    error::Error,
    signature::Signature,
};
use folder::Folder;

/// What the names of files with images end with, after the part that a user gives.
const IMAGES: [&str; 5] = [
    "-images-idx3-ubyte",
    "-images.idx3-ubyte",
    "-images-idx4-ubyte",
    "-images.idx4-ubyte",
    "-images.npy",
];

/// Items that a network is evaluated on. Folders are read while they are used.
#[derive(Debug)]
pub struct DataSet {
    /// What it is, with its labels.
    pub set: Set,
    items: Source,
    preparation: Preparation,
}

#[derive(Debug)]
enum Source {
    /// All items, and how many numbers each has.
    Array(Array, usize),
    Folder(Folder),
}

impl DataSet {
    /// Finds and checks a data set for a network of one input. `preparation` holds where the
    /// spec says nothing else.
    pub fn open(
        spec: &Spec,
        role: Role,
        preparation: &Preparation,
        signature: &Signature,
        classes: usize,
    ) -> Result<Self, Error> {
        let preparation = Preparation {
            scale: spec.preparation.scale.or(preparation.scale),
            normalize: spec.preparation.normalize.or(preparation.normalize),
        };
        let path = find_images(&spec.path)?;
        let elements = signature.inputs.first().map_or(1, |input| input.elements());
        let (items, folder_classes, shape) = match Path::new(&path).is_dir() {
            true => {
                let elements = elements / signature.batch().max(1);
                let (folder, classes) = Folder::open(Path::new(&path), elements)?;
                let shape = folder.shape().to_vec();
                check_items(
                    signature,
                    &[Array { values: folder.read(0)?, shape: shape.clone() }],
                    &path,
                )?;
                (Source::Folder(folder), classes, shape)
            }
            false => {
                let arrays = [data::read(&path)?];
                let count = check_items(signature, &arrays, &path)?;
                let [array] = arrays;
                let length = array.values.len() / count;
                let shape = item_shape(&array.shape, count);
                (Source::Array(array, length), None, shape)
            }
        };
        let count = match &items {
            Source::Array(array, length) => array.values.len() / length,
            Source::Folder(folder) => folder.len(),
        };
        // The classes of what is out of domain are not those of the network.
        let found = match (&spec.labels, role) {
            (Some(path), _) => Some(path.clone()),
            (None, Role::OutOfDomain) => None,
            (None, _) => labels_beside(&path),
        };
        let (labels, labels_source) = match (found, folder_classes) {
            (Some(path), _) => (read_labels(&path)?, Some(path)),
            (None, Some(classes)) if role != Role::OutOfDomain => {
                ((vec![classes.len()], classes), Some(path.clone()))
            }
            _ => ((vec![0], vec![]), None),
        };
        if labels_source.is_none() && role == Role::InDomain {
            return Err(Error::request(format!("there are no labels for {path}"))
                .with_help(format!("name the file that has them: {}@labels=FILE", spec.path)));
        }
        let mut set = Set {
            name: spec.name.clone().unwrap_or_else(|| spec.path.clone()),
            role,
            source: path,
            labels_source,
            scale: preparation.scale.map(|scale| scale.to_string()),
            normalize: preparation.normalize,
            items: count,
            item_shape: shape,
            labels_per_item: 0,
            labels: Vec::new(),
        };
        if set.labels_source.is_some() {
            (set.labels_per_item, set.labels) = check_labels(&set, labels, classes)?;
        }
        Ok(Self { set, items, preparation })
    }

    /// How many items there are; at least one.
    pub fn len(&self) -> usize {
        self.set.items
    }

    /// Never: a set without items cannot be opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of an item.
    pub fn labels(&self, item: usize) -> &[usize] {
        let each = self.set.labels_per_item;
        self.set.labels.get(item * each..(item + 1) * each).unwrap_or_default()
    }

    /// The numbers of some items as they are in their files.
    pub fn raw(&self, items: Range<usize>) -> Result<Vec<f32>, Error> {
        match &self.items {
            Source::Array(array, length) => {
                let values = array.values.get(items.start * length..items.end * length);
                Ok(values.unwrap_or_default().to_vec())
            }
            Source::Folder(folder) => {
                let images = items.map(|item| folder.read(item));
                Ok(images.collect::<Result<Vec<_>, _>>()?.concat())
            }
        }
    }

    /// The numbers of some items as the network reads them.
    pub fn prepared(&self, items: Range<usize>) -> Result<Vec<f32>, Error> {
        let mut values = self.raw(items)?;
        self.preparation.apply(&mut values);
        Ok(values)
    }
}

/// How many items of a network these arrays hold.
fn check_items(signature: &Signature, arrays: &[Array], path: &str) -> Result<usize, Error> {
    if arrays.iter().any(|array| array.values.is_empty()) {
        return Err(Error::request(format!("{path} has no items")));
    }
    let items = Items::new(signature, arrays).map_err(|error| match error {
        Error::Request { message, help } => {
            Error::Request { message: format!("{path} does not fit the network: {message}"), help }
        }
        error => error,
    })?;
    Ok(items.count())
}

/// The sizes of one of so many items.
fn item_shape(shape: &[usize], count: usize) -> Vec<usize> {
    match shape {
        [first, item @ ..] if *first == count => item.to_vec(),
        whole => whole.to_vec(),
    }
}

/// A file or folder as it is named, or else the file with images that begins so.
fn find_images(path: &str) -> Result<String, Error> {
    if path.contains(".safetensors:") || Path::new(path).exists() {
        return Ok(path.to_owned());
    }
    let endings = IMAGES.iter().flat_map(|ending| [(*ending).to_owned(), format!("{ending}.gz")]);
    let mut candidates = endings.map(|ending| format!("{path}{ending}"));
    candidates.find(|candidate| Path::new(candidate).exists()).ok_or_else(|| {
        Error::request(format!("there is no file or folder {path}, nor images {path}-images-*"))
            .with_help(
                "a data set is an IDX or .npy file, FILE.safetensors:TENSOR, a folder of PNG \
                 images, or the part before '-images-idx3-ubyte' of such a file",
            )
    })
}

/// The file with the labels of the images in a file: `images` in its name is `labels` there.
fn labels_beside(images: &str) -> Option<String> {
    let (folder, name) =
        images.rsplit_once('/').map_or(("", images), |(folder, name)| (folder, name));
    let within = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    if let Some((file, tensor)) = name.split_once(".safetensors:") {
        let (path, labels) = (within(file), tensor.replace("images", "labels"));
        let path = format!("{path}.safetensors");
        let tensors = crate::parameters::Safetensors::open(Path::new(&path)).ok()?;
        let is_other = labels != tensor && matches!(tensors.numbers(&labels), Ok(Some(_)));
        return is_other.then(|| format!("{path}:{labels}"));
    }
    let labels = name.replace("images", "labels");
    let by_dimensions =
        ["idx1", "idx2"].map(|idx| labels.replace("idx3", idx).replace("idx4", idx));
    let mut candidates = by_dimensions.iter().filter(|candidate| *candidate != name);
    candidates.find(|name| Path::new(&within(name)).exists()).map(|name| within(name))
}

/// Sizes and values of a file of labels.
fn read_labels(path: &str) -> Result<(Vec<usize>, Vec<usize>), Error> {
    let array = data::read(path)?;
    let label = |(index, &value): (usize, &f32)| match value >= 0.0 && value.fract() == 0.0 {
        true => Ok(value as usize),
        false => Err(Error::request(format!(
            "{path} has {value} as its label number {index}, which is no class"
        ))),
    };
    let labels = array.values.iter().enumerate().map(label).collect::<Result<_, _>>()?;
    Ok((array.shape, labels))
}

/// How many labels each item has, and the labels.
fn check_labels(
    set: &Set,
    (shape, labels): (Vec<usize>, Vec<usize>),
    classes: usize,
) -> Result<(usize, Vec<usize>), Error> {
    let source = set.labels_source.as_deref().unwrap_or_default();
    let each = match shape[..] {
        [items] if items == set.items => 1,
        [items, each] if items == set.items && each > 0 => each,
        _ => {
            return Err(Error::request(format!(
                "{source} has labels of shape {shape:?} for the {} item(s) of {}",
                set.items, set.source
            ))
            .with_help("labels are one for each item, or as many for each as it has classes"));
        }
    };
    match labels.iter().position(|&label| label >= classes) {
        Some(index) => Err(Error::request(format!(
            "item {} of {source} has the label {}, but the network tells {classes} classes apart, \
             0 to {}",
            index / each,
            labels[index],
            classes - 1
        ))),
        None => Ok((each, labels)),
    }
}

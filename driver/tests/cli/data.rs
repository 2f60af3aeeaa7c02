//! Arrays in files: what is read, how it is prepared, what is refused.

use std::io::{Cursor, Write};

use serde_json::Value;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::fixture::{Dir, FUSION, gzip, npy, npy_of};

const RUN: &str = "run tiny.mlir --params tiny.safetensors --json --input";

/// Five items of four numbers that every dtype can hold.
fn items() -> Vec<u8> {
    (0..20).collect()
}

fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A number as NumPy stores it in a dtype of little-endian.
fn stored(dtype: &str, number: u8) -> Vec<u8> {
    let size = usize::from(dtype.as_bytes()[1] - b'0');
    match dtype {
        // One bit for the sign, five for the exponent: 19 is 1.1875 x 2^4.
        "f2" => match number {
            0 => vec![0, 0],
            _ => {
                let exponent = number.ilog2() as u16;
                let fraction = (u16::from(number) << (10 - exponent)) & 0x3ff;
                ((exponent + 15) << 10 | fraction).to_le_bytes().to_vec()
            }
        },
        "f4" => f32::from(number).to_le_bytes().to_vec(),
        "f8" => f64::from(number).to_le_bytes().to_vec(),
        _ => u64::from(number).to_le_bytes()[..size].to_vec(),
    }
}

#[test]
fn every_numeric_dtype_order_and_layout_gives_the_same_numbers() {
    let dir = Dir::tiny();
    let floats: Vec<f32> = items().into_iter().map(f32::from).collect();
    dir.write("x.npy", npy(&[5, 4], &floats));
    let expected = dir.pfp(&format!("{RUN} x.npy")).json();
    for dtype in ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"] {
        for (order, fortran) in [('<', false), ('>', false), ('<', true), ('>', true)] {
            let place = |index: usize| if fortran { index % 5 * 4 + index / 5 } else { index };
            let numbers = (0..20).map(|index| stored(dtype, items()[place(index)]));
            let reversed = numbers.map(|mut bytes| {
                if order == '>' {
                    bytes.reverse();
                }
                bytes
            });
            let data = reversed.flatten().collect::<Vec<_>>();
            let quoted = format!("'{order}{dtype}'");
            dir.write("y.npy", npy_of(&quoted, fortran, &[5, 4], &data));
            let answer = dir.pfp(&format!("{RUN} y.npy")).json();
            assert_eq!(answer, expected, "{quoted} {fortran}");
        }
    }
}

#[test]
fn an_npz_file_has_arrays_by_name() {
    let dir = Dir::tiny();
    let floats: Vec<f32> = items().into_iter().map(f32::from).collect();
    let array = npy(&[5, 4], &floats);
    dir.write("x.npy", &array);
    dir.write("one.npz", zip(&[("x.npy", array.clone())]));
    dir.write("two.npz", zip(&[("x.npy", array.clone()), ("y.npy", npy(&[1], &[0.0]))]));
    dir.write("text.npz", zip(&[("readme.txt", b"hello".to_vec())]));
    dir.write("cut.npz", &zip(&[("x.npy", array)])[..60]);
    let expected = dir.pfp(&format!("{RUN} x.npy")).json();
    for input in ["one.npz", "one.npz:x", "two.npz:x"] {
        assert_eq!(dir.pfp(&format!("{RUN} {input}")).json(), expected, "{input}");
    }
    for (input, needle) in [
        ("two.npz", "two.npz has 2 arrays help: choose one with two.npz:NAME, of x, y"),
        ("two.npz:z", "two.npz has no array 'z' help: choose one with two.npz:NAME, of x, y"),
        ("text.npz", "text.npz is a zip file without .npy files in it"),
        ("cut.npz", "cut.npz is not a valid npz file"),
    ] {
        let error = dir.pfp(&format!("{RUN} {input}")).error();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn a_gzip_file_may_have_several_members_and_padding() {
    let dir = Dir::tiny();
    let floats: Vec<f32> = items().into_iter().map(f32::from).collect();
    let array = npy(&[5, 4], &floats);
    dir.write("x.npy", &array);
    let expected = dir.pfp(&format!("{RUN} x.npy")).json();
    let (start, end) = (gzip(&array[..50]), gzip(&array[50..]));
    for bytes in [
        [&gzip(&array)[..], &[0; 512]].concat(),
        [&start[..], &end].concat(),
        [&start[..], &[0; 9], &end, &[0]].concat(),
    ] {
        dir.write("x.npy.gz", bytes);
        assert_eq!(dir.pfp(&format!("{RUN} x.npy.gz")).json(), expected);
    }
    dir.write("x.npy.gz", [&gzip(&array)[..], b"garbage"].concat());
    let error = dir.pfp(&format!("{RUN} x.npy.gz")).error();
    assert!(error.contains("its last 7 bytes are neither gzip nor zeros"), "{error}");
    dir.write("x.npy.gz", &gzip(&array)[..60]);
    let error = dir.pfp(&format!("{RUN} x.npy.gz")).error();
    assert!(error.contains("x.npy.gz is not a valid gzip file"), "{error}");
}

#[test]
fn valid_files_of_other_things_are_named_by_their_dtype() {
    let dir = Dir::tiny();
    for (dtype, size, needle) in [
        ("[('x', '<f4'), ('y', '<f8')]", 12, "records (a structured dtype), dtype [('x', '<f4')"),
        ("'<c8'", 8, "complex numbers (complex64), dtype '<c8'"),
        ("'|O'", 8, "Python objects, dtype '|O'"),
        ("'<U3'", 12, "strings, dtype '<U3'"),
        ("'<M8[s]'", 8, "dates (datetime64[s])"),
    ] {
        dir.write("x.npy", npy_of(dtype, false, &[4], &vec![0; 4 * size]));
        let error = dir.pfp(&format!("{RUN} x.npy")).error();
        assert!(error.contains("x.npy is a valid npy file of"), "{error}");
        assert!(error.contains(needle), "{needle}: {error}");
    }
    dir.write("x.npy", [npy(&[1, 4], &[0.0; 4]), npy(&[1, 4], &[0.0; 4])].concat());
    let error = dir.pfp(&format!("{RUN} x.npy")).error();
    assert!(error.contains("are there several arrays in the file?"), "{error}");
    dir.write("x.zst", b"\x28\xb5\x2f\xfd....");
    let error = dir.pfp(&format!("{RUN} x.zst")).error();
    assert!(error.contains("x.zst is compressed by zstd"), "{error}");
}

/// What no float32 tells apart is told apart after it was normalised.
#[test]
fn numbers_are_rounded_once_after_they_were_prepared() {
    let dir = Dir::tiny();
    let offset = 3_000_000_000u32;
    dir.write("x.npy", npy(&[1, 4], &[1.0, 2.0, -3.0, 0.5]));
    let expected = dir.pfp(&format!("{RUN} x.npy")).json();
    let doubles: Vec<u8> =
        [2.0, 4.0, -6.0, 1.0].iter().flat_map(|x| (f64::from(offset) + x).to_le_bytes()).collect();
    let longs: Vec<u8> =
        [2, 4, -6, 1].iter().flat_map(|x| (i64::from(offset) + x).to_le_bytes()).collect();
    let words: Vec<u8> =
        [2, 4, -6, 1].iter().flat_map(|&x| offset.wrapping_add_signed(x).to_le_bytes()).collect();
    for (dtype, data) in [("'<f8'", doubles), ("'<i8'", longs), ("'<u4'", words)] {
        dir.write("y.npy", npy_of(dtype, false, &[1, 4], &data));
        let run = format!("{RUN} y.npy --normalize 3e9,2");
        assert_eq!(dir.pfp(&run).json(), expected, "{dtype}");
    }
}

fn outputs(answer: &Value, index: usize) -> &Value {
    &answer["outputs"][index]["values"]
}

#[test]
fn the_variance_of_an_input_is_scaled_by_the_square() {
    let dir = Dir::empty();
    dir.write("fusion.mlir", FUSION);
    dir.write("a.npy", npy(&[1, 4], &[0.0; 4]));
    dir.write("m.npy", npy(&[1, 4], &[4.0, 8.0, -4.0, 0.0]));
    dir.write("v.npy", npy(&[1, 4], &[0.0, 1.0, 4.0, 16.0]));
    let run = "run fusion.mlir --json --input a.npy --input m.npy --input v.npy";
    let answer = dir.pfp(&format!("{run} --scale -1/4")).json();
    assert_eq!(outputs(&answer, 0), &serde_json::json!([-1.0, -2.0, 1.0, 0.0]));
    assert_eq!(outputs(&answer, 1), &serde_json::json!([0.0, 0.0625, 0.25, 1.0]));
    // Both inputs are normalised: (0 - 1) / 2 + (4 - 1) / 2.
    let answer = dir.pfp(&format!("{run} --normalize 1,2")).json();
    assert_eq!(outputs(&answer, 0), &serde_json::json!([1.0, 3.0, -3.0, -1.0]));
    assert_eq!(outputs(&answer, 1), &serde_json::json!([0.0, 0.25, 1.0, 4.0]));
}

#[test]
fn negative_variances_and_what_is_not_finite_are_refused() {
    let dir = Dir::empty();
    dir.write("fusion.mlir", FUSION.replace("1x4", "?x4"));
    dir.write("a.npy", npy(&[2, 4], &[0.0; 8]));
    dir.write("m.npy", npy(&[2, 4], &[0.0; 8]));
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for command in ["run", "check"] {
        for (bad, options, needle) in [
            (-1.0, "", "v.npy has the variance -1 in item 1, element 2; it must not be negative"),
            (nan, "", "v.npy has the variance NaN in item 1, element 2; it must be finite"),
            (inf, "", "v.npy has the variance inf in item 1, element 2; it must be finite"),
            (
                1e30,
                "--scale 1e6",
                "the variance 1e30 in item 1, element 2; after --scale it does not fit in float32",
            ),
        ] {
            let values = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, bad, 0.0];
            dir.write("v.npy", npy(&[2, 4], &values));
            let run = format!(
                "{command} fusion.mlir --input a.npy --input m.npy --input v.npy {options}"
            );
            let error = dir.pfp(&run).error();
            assert!(error.contains(needle), "{needle}: {error}");
        }
        dir.write("v.npy", npy(&[2, 4], &[1.0; 8]));
        dir.write("nan.npy", npy(&[2, 4], &[0.0, nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
        let run = format!("{command} fusion.mlir --input nan.npy --input m.npy --input v.npy");
        let error = dir.pfp(&run).error();
        assert!(error.contains("nan.npy has NaN in item 0, element 1"), "{error}");
    }
}

#[test]
fn negative_numbers_are_values_of_options() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[1, 4], &[1.0, 2.0, -3.0, 0.5]));
    dir.write("y.npy", npy(&[1, 4], &[-1.0, -2.0, 3.0, -0.5]));
    let expected = dir.pfp(&format!("{RUN} y.npy")).json();
    for scale in ["-1", "-2/2", "-1e0"] {
        assert_eq!(dir.pfp(&format!("{RUN} x.npy --scale {scale}")).json(), expected, "{scale}");
    }
    for options in ["--batch -1", "--head-seed -2 --head mean-field", "--mode mean --seed -1"] {
        let ran = dir.pfp(&format!("{RUN} x.npy {options}"));
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(ran.stderr.contains("invalid value '-"), "{ran:#?}");
        assert!(!ran.stderr.contains("-- -"), "{ran:#?}");
    }
}

//! Files that are missing, truncated or hostile.

use crate::fixture::{Dir, npy, safetensors, tiny_parameters};

const COMPILE: &str = "compile tiny.mlir --params tiny.safetensors";

/// A safetensors file with this header and so many bytes of data.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn missing_files_are_named() {
    let dir = Dir::tiny();
    for (arguments, needle) in [
        ("compile no.mlir", "cannot read no.mlir: No such file or directory"),
        ("compile tiny.mlir --params no.safetensors", "cannot read no.safetensors"),
        ("run tiny.mlir --params tiny.safetensors --input no.npy", "cannot read no.npy"),
        ("compile . --params tiny.safetensors", "cannot read .: Is a directory"),
        ("inspect no.mlir", "cannot read no.mlir"),
        ("check no.mlir", "cannot read no.mlir"),
        ("demo no", "cannot read no/test-images.idx3-ubyte"),
    ] {
        let error = dir.pfp(arguments).error();
        assert!(error.contains(needle), "{error}");
    }
}

#[test]
fn hostile_safetensors_files_are_errors() {
    let good = safetensors(&tiny_parameters());
    let tensor = |dtype: &str, shape: &str, start: u64, end: u64| {
        format!(
            r#"{{"fc.bias.mean":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}}}"#
        )
    };
    let overlapping = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    for (bytes, needle) in [
        (vec![], "it has 0 bytes"),
        (vec![1, 2, 3], "it has 3 bytes"),
        (u64::MAX.to_le_bytes().to_vec(), "header claims 18446744073709551615 bytes"),
        (1000u64.to_le_bytes().to_vec(), "header claims 1000 bytes, but only 0 follow"),
        (good[..good.len() - 1].to_vec(), "truncated?"),
        (good[..20].to_vec(), "truncated?"),
        ([&good[..], b"x"].concat(), "not a valid safetensors file"),
        (with_header("not json", 0), "not a JSON object"),
        (with_header("[]", 0), "not a JSON object"),
        (with_header(r#"{"a":1}"#, 0), "'a' has no valid data_offsets"),
        (with_header(r#"{"a":{"data_offsets":[0,4]}}"#, 4), "not a valid safetensors file"),
        (with_header(&tensor("F32", "[3]", 0, 400), 12), "bytes 0..400 of the data, which has 12"),
        (with_header(&tensor("F32", "[3]", 8, 4), 12), "bytes 8..4"),
        (with_header(&tensor("F32", "[4611686018427387904]", 0, 12), 12), "not a valid"),
        (with_header(&tensor("F32", "[3]", 0, u64::MAX), 12), "truncated?"),
        (with_header(&tensor("F32", "[-3]", 0, 12), 12), "not a valid safetensors file"),
        (with_header(&tensor("F31", "[3]", 0, 12), 12), "not a valid safetensors file"),
        (with_header(overlapping, 12), "not a valid safetensors file"),
        (with_header(&"{\"a\":".repeat(100_000), 0), "not a JSON object"),
    ] {
        let dir = Dir::tiny();
        dir.write("tiny.safetensors", &bytes);
        let error = dir.pfp(COMPILE).error();
        assert!(error.contains("tiny.safetensors") && error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn other_dtypes_are_named() {
    for (dtype, bytes) in [("U8", 1), ("I32", 4), ("I64", 8), ("F8_E5M2", 1)] {
        let dir = Dir::tiny();
        let header = format!(
            r#"{{"fc.weight.mean":{{"dtype":"{dtype}","shape":[3,4],"data_offsets":[0,{}]}}}}"#,
            12 * bytes
        );
        dir.write("tiny.safetensors", with_header(&header, 12 * bytes));
        let error = dir.pfp(COMPILE).error();
        assert!(error.contains(&format!("dtype {dtype}")), "{error}");
        assert!(error.contains("parameters are F64, F32, F16 or BF16"), "{error}");
    }
}

#[test]
fn bad_inputs_are_errors() {
    let good = npy(&[1, 4], &[0.0; 4]);
    for (file, bytes, needle) in [
        ("x.npy", good[..good.len() - 4].to_vec(), "not a valid npy file"),
        ("x.npy", good[..9].to_vec(), "not a valid npy file"),
        ("x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "truncated?"),
        ("x.npy", npy(&[1 << 40, 1 << 40], &[]), "not a valid npy file"),
        ("x.idx", vec![0, 0, 8, 3, 255, 255, 255, 255], "not a valid IDX file"),
        ("x.idx", vec![0, 0, 8, 1, 0, 0, 0, 9, 1], "not a valid IDX file"),
        ("x.gz", vec![0x1f, 0x8b, 8, 0, 1, 2, 3], "not a valid gzip file"),
        ("x.txt", b"hello".to_vec(), "cannot tell what kind of file x.txt is"),
        ("x.txt", vec![], "cannot tell what kind of file x.txt is"),
    ] {
        let dir = Dir::tiny();
        dir.write(file, &bytes);
        let run = format!("run tiny.mlir --params tiny.safetensors --input {file}");
        let error = dir.pfp(&run).error();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn what_never_ends_is_read_up_to_a_limit() {
    let dir = Dir::tiny();
    for (arguments, needle) in [
        ("inspect /dev/zero", "more than 512 MiB, the limit for modules"),
        (
            "compile tiny.mlir --params tiny.safetensors --schedule /dev/zero",
            "more than 16 MiB, the limit for schedules",
        ),
    ] {
        let error = dir.pfp(arguments).error();
        assert!(error.contains(needle), "{error}");
    }
}

/// Every byte of small files, changed in several ways: an error or not, but never a crash.
#[test]
fn no_change_of_a_byte_makes_it_panic() {
    let dir = Dir::tiny();
    let parameters = safetensors(&tiny_parameters());
    let input = npy(&[1, 4], &[0.0; 4]);
    for (file, good) in [("tiny.safetensors", parameters), ("x.npy", input)] {
        dir.write("x.npy", npy(&[1, 4], &[0.0; 4]));
        for position in (0..good.len().min(400)).step_by(5) {
            for byte in [0x00, 0xff, b'9', b'('] {
                let mut bytes = good.clone();
                bytes[position] = byte;
                dir.write(file, bytes);
                let ran = dir.pfp("run tiny.mlir --params tiny.safetensors --input x.npy --json");
                let said = |word: &str| ran.stderr.contains(word);
                assert!(matches!(ran.code, Some(0 | 1)), "{file} {position} {byte}: {ran:#?}");
                assert!(
                    !said("panicked") && !said("internal error"),
                    "{file} {position}: {ran:#?}"
                );
            }
        }
        dir.write(file, good);
    }
}

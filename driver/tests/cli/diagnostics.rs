//! Errors of the module and of its parameters: the source line, the place, the reason.

use ::safetensors::{Dtype, tensor::TensorView};

use crate::fixture::{Dir, TINY, npy, safetensors, tiny_parameters};

/// The report for a module with the parameters of [`TINY`].
fn report(module: &str) -> String {
    let dir = Dir::tiny();
    dir.write("net.mlir", module);
    let ran = dir.pfp("compile net.mlir --params tiny.safetensors");
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(ran.stdout, "");
    ran.stderr
}

#[test]
fn a_syntax_error() {
    insta::assert_snapshot!(report(&TINY.replace("func.func @tiny(", "func.func @tiny[")));
}

#[test]
fn an_unknown_op() {
    insta::assert_snapshot!(report(&TINY.replace("gauss.relu", "gauss.rilu")));
}

#[test]
fn a_shape_that_does_not_fit() {
    insta::assert_snapshot!(report(&TINY.replace("?x4xf32", "?x5xf32")));
}

#[test]
fn a_type_that_differs_from_the_definition() {
    insta::assert_snapshot!(report(
        &TINY.replace("-> !gauss.tensor<?x3xf32>\n  %z", "-> !gauss.tensor<?x2xf32>\n  %z")
    ));
}

#[test]
fn an_unsupported_element_type() {
    insta::assert_snapshot!(report(&TINY.replace("3x4xf32", "3x4xf64")));
}

#[test]
fn a_dimension_of_size_zero() {
    insta::assert_snapshot!(report(&TINY.replace("3x4xf32", "0x4xf32")));
}

#[test]
fn several_errors_are_all_shown() {
    let dir = Dir::tiny();
    let mut parameters = tiny_parameters();
    parameters.remove("fc.weight.mean");
    parameters.remove("fc.bias.var");
    dir.write("tiny.safetensors", safetensors(&parameters));
    let ran = dir.pfp("compile tiny.mlir --params tiny.safetensors");
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn parameters_that_do_not_fit() {
    let mut cases = Vec::new();
    let mut case = |change: &dyn Fn(&mut Parameters), needles: &'static [&'static str]| {
        let mut parameters = tiny_parameters();
        change(&mut parameters);
        cases.push((parameters, needles));
    };
    case(
        &|p| drop(p.insert("fc.weight.mean".into(), (vec![4, 3], vec![0.0; 12]))),
        &["'fc.weight.mean'", "[3, 4]", "[4, 3]"],
    );
    case(&|p| drop(p.insert("extra".into(), (vec![1], vec![0.0]))), &["'extra'"]);
    case(&|p| p.get_mut("fc.weight.var").unwrap().1[5] = -1.0, &["-1 at element 5", "negative"]);
    case(&|p| p.get_mut("fc.bias.var").unwrap().1[1] = f32::NAN, &["NaN at element 1"]);
    case(&|p| p.get_mut("fc.bias.var").unwrap().1[2] = f32::INFINITY, &["inf at element 2"]);
    case(&|p| p.get_mut("fc.bias.mean").unwrap().1[0] = f32::NAN, &["NaN at element 0"]);
    for (parameters, needles) in cases {
        let dir = Dir::tiny();
        dir.write("tiny.safetensors", safetensors(&parameters));
        let error = dir.pfp("compile tiny.mlir --params tiny.safetensors").error();
        for needle in needles {
            assert!(error.contains(needle), "{needle}: {error}");
        }
    }
}

#[test]
fn floats_of_any_size_are_taken_and_the_rounding_is_said() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[1, 4], &[1.0, -2.0, 0.5, 0.25]));
    let run = |file: &str| dir.pfp(&format!("run tiny.mlir --input x.npy --params {file} --json"));
    let exact = run("tiny.safetensors").json();
    // The numbers of the fixture are exact in all of them.
    for (dtype, encode) in ENCODINGS {
        dir.write("other.safetensors", encoded(&tiny_parameters(), dtype, encode));
        let ran = run("other.safetensors");
        let line = format!(
            "note: other.safetensors: 4 tensor(s) of {dtype} are taken as float32, without an error\n"
        );
        assert_eq!(ran.stderr, line);
        assert_eq!(ran.json(), exact);
        let inspected = dir.pfp("inspect tiny.mlir --params other.safetensors");
        assert_eq!(inspected.stderr, line);
    }
    // A third has no end, and 1e-40 is denormal.
    let third: Encode =
        |x| (if x == 0.5 { 1e-40 } else { f64::from(x) / 3.0 }).to_le_bytes().into();
    dir.write("other.safetensors", encoded(&tiny_parameters(), Dtype::F64, third));
    let said = run("other.safetensors").stderr;
    assert!(
        said.contains("4 tensor(s) of F64 are taken as float32, rounded by at most "),
        "{said}"
    );
    assert!(
        said.contains("e-8 of a number; 4 number(s) below 1.2e-38 become 0 or denormal"),
        "{said}"
    );
    let large: Encode = |x| (f64::from(x) * 1e300).to_le_bytes().into();
    dir.write("other.safetensors", encoded(&tiny_parameters(), Dtype::F64, large));
    let error = run("other.safetensors").error();
    assert!(error.contains("has -5e299 at element 0"), "{error}");
    assert!(error.contains("does not fit in float32"), "{error}");
}

type Encode = fn(f32) -> Vec<u8>;

const ENCODINGS: [(Dtype, Encode); 3] = [
    (Dtype::F64, |x| f64::from(x).to_le_bytes().into()),
    (Dtype::F16, |x| half::f16::from_f32(x).to_le_bytes().into()),
    (Dtype::BF16, |x| half::bf16::from_f32(x).to_le_bytes().into()),
];

/// A safetensors file of another dtype.
fn encoded(parameters: &Parameters, dtype: Dtype, encode: Encode) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = parameters
        .values()
        .map(|(_, values)| values.iter().flat_map(|&value| encode(value)).collect())
        .collect();
    let views = parameters.iter().zip(&bytes).map(|((name, (shape, _)), bytes)| {
        (name, TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    ::safetensors::serialize(views, None).unwrap()
}

#[test]
fn other_dtypes_and_formats_are_named() {
    let dir = Dir::tiny();
    let compile = || dir.pfp("compile tiny.mlir --params other.safetensors").error();
    for (dtype, encode, advice) in [
        (Dtype::I64, (|_| vec![0; 8]) as Encode, "num_batches_tracked"),
        (Dtype::BOOL, |_| vec![0], "export quantised weights as floats"),
        (Dtype::F8_E4M3, |_| vec![0], "export as F16 or F32"),
    ] {
        dir.write("other.safetensors", encoded(&tiny_parameters(), dtype, encode));
        let error = compile();
        assert!(error.contains(&format!("has the dtype {dtype} in other.safetensors")), "{error}");
        assert!(error.contains(advice), "{error}");
    }
    for (magic, what) in
        [(&b"PK\x03\x04"[..], "zip archive"), (b"\x89HDF\r\n", "HDF5"), (b"\x93NUMPY\x01", "npy")]
    {
        dir.write("other.safetensors", [magic, &[0; 100]].concat());
        let error = compile();
        assert!(error.contains(what) && error.contains("save_file"), "{error}");
    }
}

/// A header of 640 or 1152 bytes: its length is written in the bytes that a pickle begins with.
#[test]
fn a_length_of_the_header_is_no_other_format() {
    let dir = Dir::tiny();
    for length in [640usize, 1152] {
        let bytes = safetensors(&tiny_parameters());
        let (header, data) =
            bytes[8..].split_at(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])));
        let mut padded = header.to_vec();
        padded.resize(length, b' ');
        let bytes = [&(length as u64).to_le_bytes()[..], &padded, data].concat();
        dir.write("padded.safetensors", bytes);
        dir.pfp("compile tiny.mlir --params padded.safetensors").ok();
    }
}

/// MLIR folds a product of two scalars, which must not end in one of its own errors.
#[test]
fn parameters_of_rank_0_are_read() {
    let dir = Dir::empty();
    dir.write(
        "net.mlir",
        "func.func @net(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = gauss.parameter \"a\" : tensor<f32>
  %b = gauss.parameter \"b\" : tensor<f32>
  %c = gauss.mul %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %d = gauss.reshape %c : (tensor<f32>) -> tensor<1xf32>
  %y = gauss.mul %x, %d : (tensor<2xf32>, tensor<1xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}",
    );
    let scalars = [("a", 2.0f32), ("b", 3.0)];
    let parameters: Parameters =
        scalars.into_iter().map(|(name, value)| (name.to_owned(), (vec![], vec![value]))).collect();
    dir.write("net.safetensors", safetensors(&parameters));
    dir.pfp("compile net.mlir --params net.safetensors").ok();
}

#[test]
fn names_that_do_not_agree_are_answered_with_what_may_be_meant() {
    let dir = Dir::tiny();
    let answer = |rename: &dyn Fn(&str) -> String, extra: Option<&str>| {
        let mut renamed: Parameters =
            tiny_parameters().into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect();
        renamed.extend(extra.map(|name| (name.to_owned(), (vec![1], vec![0.0]))));
        dir.write("other.safetensors", safetensors(&renamed));
        dir.pfp("compile tiny.mlir --params other.safetensors").error()
    };
    let error = answer(&|name| format!("module.{name}"), None);
    assert!(error.contains("leave out the prefix 'module.'"), "{error}");
    let error = answer(&|name| name.replace("fc.", ""), None);
    assert!(error.contains("write the prefix 'fc.'"), "{error}");
    let error = answer(&|name| name.replace(".var", "_logvar"), None);
    assert!(error.contains("'fc.weight_logvar', a logarithm: export exp(logvar)"), "{error}");
    let error = answer(&|name| name.replace(".mean", "_mu"), None);
    assert!(
        error.contains("the file has 'fc.weight_mu': export it as 'fc.weight.mean'"),
        "{error}"
    );
    let error = answer(&|name| name.replace("weight", "weigth"), None);
    assert!(error.contains("the nearest name in the file is 'fc.weigth.mean'"), "{error}");
    // Of the file, not of a line.
    let error = answer(&str::to_owned, Some("fc1.weight"));
    assert!(
        error.contains(
            "other.safetensors has 1 tensor(s) that no parameter of the module reads: 'fc1.weight'"
        ),
        "{error}"
    );
    assert!(error.contains("the parameter nearest to 'fc1.weight' is 'fc.weight'"), "{error}");
    assert!(!error.contains(":0") && !error.contains("builtin.module"), "{error}");
}

#[test]
fn a_tensor_of_two_parameters_is_an_error_of_both() {
    insta::assert_snapshot!(report(&TINY.replace(
        "  %b = gauss.parameter \"fc.bias\" : !gauss.tensor<3xf32>",
        "  %b = gauss.parameter \"fc.bias\" : !gauss.tensor<3xf32>\n  \
         %m = gauss.parameter \"fc.bias.mean\" : tensor<3xf32>"
    )));
    let dir = Dir::tiny();
    dir.write("net.mlir", TINY.replace("fc.bias", "fc.weight"));
    for command in ["inspect net.mlir", "compile net.mlir --params tiny.safetensors"] {
        let error = dir.pfp(command).error();
        assert!(
            error.contains("declares the parameter 'fc.weight' as !gauss.tensor<3xf32>"),
            "{error}"
        );
    }
}

#[test]
fn ops_of_other_dialects_are_no_ops_of_a_network() {
    let function = |op: &str| {
        format!(
            "func.func @f(%x: tensor<1x3xf32>) -> tensor<1x3xf32> {{\n  %y = {op}\n  \
             return %y : tensor<1x3xf32>\n}}\n"
        )
    };
    insta::assert_snapshot!(report(&function("arith.addf %x, %x : tensor<1x3xf32>")));
    for (op, name, advice) in [
        ("math.exp %x : tensor<1x3xf32>", "'math.exp'", "docs/README.md"),
        ("tensor.empty() : tensor<1x3xf32>", "'tensor.empty'", "gauss ops"),
        (
            "linalg.add ins(%x, %x : tensor<1x3xf32>, tensor<1x3xf32>) outs(%x : tensor<1x3xf32>) \
             -> tensor<1x3xf32>",
            "'linalg.add'",
            "gauss.add",
        ),
        (
            "scf.execute_region -> tensor<1x3xf32> {\n scf.yield %x : tensor<1x3xf32>\n}",
            "'scf.execute_region'",
            "control flow",
        ),
        ("\"foo.bar\"(%x) : (tensor<1x3xf32>) -> tensor<1x3xf32>", "not known", "gauss ops"),
        ("tosa.add %x, %x : tensor<1x3xf32>", "'tosa.add'", "gauss ops"),
    ] {
        let report = report(&function(op));
        for needle in [name, advice] {
            assert!(report.contains(needle), "{op}: {report}");
        }
        assert!(
            !report.contains("bufferized") && !report.contains("allow-unregistered"),
            "{report}"
        );
    }
}

#[test]
fn a_byte_order_mark_of_utf_8_is_skipped_and_others_are_named() {
    let dir = Dir::tiny();
    dir.write("net.mlir", format!("\u{feff}{TINY}"));
    dir.pfp("check net.mlir --params tiny.safetensors --samples 0").ok();
    // Places count from behind the mark.
    let marked = report(&format!("\u{feff}{}", TINY.replace("@tiny(", "@tiny[")));
    assert_eq!(marked, report(&TINY.replace("@tiny(", "@tiny[")));
    for first in [0xfeffu16.to_le_bytes(), 0xfeffu16.to_be_bytes()] {
        dir.write("net.mlir", [&first[..], b"f\0u\0"].concat());
        let error = dir.pfp("inspect net.mlir").error();
        assert!(error.contains("UTF-16") && error.contains("UTF-8"), "{error}");
    }
}

#[test]
fn numbers_without_a_point_are_explained_where_the_dialect_cannot_take_them() {
    let module = "func.func @f() -> tensor<2xf32> {\n  \
                  %y = arith.constant dense<[0.5, 1e-05]> : tensor<2xf32>\n  \
                  return %y : tensor<2xf32>\n}\n";
    let report = report(module);
    assert!(report.contains("write '1.0e-05'"), "{report}");
}

type Parameters = std::collections::BTreeMap<String, crate::fixture::Tensor>;

#[test]
fn missing_parameters_are_asked_for() {
    let error = Dir::tiny().pfp("compile tiny.mlir").error();
    assert!(error.contains("tiny.mlir has 2 parameter(s) without values"), "{error}");
    assert!(error.contains("--params"), "{error}");
}

#[test]
fn what_cannot_be_exported() {
    for (module, needle) in [
        (
            "func.func @\"a.b\"(%x: tensor<1xf32>) -> tensor<1xf32> { return %x : tensor<1xf32> }",
            "its name becomes part of C",
        ),
        (
            "func.func @f(%x: f32) -> f32 { return %x : f32 }",
            "its input is f32, not a tensor of f32",
        ),
        (
            "func.func @f(%x: tensor<1xi32>) -> tensor<1xi32> { return %x : tensor<1xi32> }",
            "tensor<1xi32>",
        ),
        (
            "func.func @f(%x: tensor<1x?xf32>) -> tensor<1x?xf32> { return %x : tensor<1x?xf32> }",
            "not static",
        ),
        ("func.func @f(%x: tensor<1xf32>) { return }", "no outputs"),
        (
            "func.func private @f(%x: tensor<1xf32>) -> tensor<1xf32> { return %x : tensor<1xf32> }",
            "no public function",
        ),
        ("module {}", "no public function"),
    ] {
        let dir = Dir::empty();
        dir.write("net.mlir", module);
        let error = dir.pfp("compile net.mlir").error();
        assert!(error.contains(needle), "{error}");
    }
}

#[test]
fn long_lines_are_cut() {
    let long = format!("// {}\n{}", "x".repeat(100_000), TINY.replace("gauss.relu", "gauss.rilu"));
    let report = report(&long.replace('\n', &format!(" // {}\n", "y".repeat(100_000))));
    assert!(report.len() < 5_000, "{} bytes", report.len());
    assert!(report.contains("gauss.rilu"), "{report}");
}

#[test]
fn no_bytes_make_it_panic() {
    for module in ["", "\0", "\u{feff}", "module", "}", "ML\u{ef}R", "%", "\"", "!gauss.tensor<"] {
        let report = report(module);
        assert!(
            !report.contains("panicked") && !report.contains("internal"),
            "{module:?}: {report}"
        );
    }
    let dir = Dir::tiny();
    dir.write("net.mlir", [0xff, 0xfe, 0x00, b'\n', 0xc3]);
    dir.pfp("compile net.mlir").error();
    // The magic number of bytecode, and nothing behind it.
    dir.write("net.mlir", b"ML\xefR\x06\x00");
    dir.pfp("compile net.mlir").error();
}

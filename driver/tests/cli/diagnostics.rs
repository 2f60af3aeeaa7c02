//! Errors of the module and of its parameters: the source line, the place, the reason.

use crate::fixture::{Dir, TINY, safetensors, tiny_parameters};

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

//! `pfp adapt`.

use std::process::Command;

use object::{Object, ObjectSymbol};

use crate::fixture::{Dir, safetensors, tiny_parameters};

const FILES: [&str; 8] = [
    "tiny.h",
    "tiny.json",
    "tiny.o",
    "tiny_adapt.h",
    "tiny_adapt.o",
    "tiny_step.h",
    "tiny_step.json",
    "tiny_step.o",
];

#[test]
fn writes_prediction_step_and_prior() {
    let dir = Dir::tiny();
    let said = dir.pfp("adapt tiny.mlir --params tiny.safetensors --loss gaussian:1 -o out").ok();
    assert_eq!(dir.list("out"), FILES);
    for file in FILES {
        assert!(said.contains(&format!("out/{file}")), "{said}");
    }
    let exported = |file: &str| {
        let bytes = dir.read(file);
        let object = object::File::parse(&*bytes).unwrap();
        let symbols =
            object.symbols().filter(|symbol| symbol.is_global() && symbol.is_definition());
        let mut names: Vec<_> = symbols.map(|symbol| symbol.name().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(exported("out/tiny.o"), ["pfp_tiny"]);
    assert_eq!(exported("out/tiny_step.o"), ["pfp_tiny_step"]);
    assert_eq!(exported("out/tiny_adapt.o"), ["pfp_tiny_prior", "pfp_tiny_start"]);
}

#[test]
fn the_header_says_where_the_parameters_are() {
    let dir = Dir::tiny();
    dir.pfp("adapt tiny.mlir --params tiny.safetensors --loss gaussian:1 --observations 40").ok();
    let header = dir.text("tiny_adapt.h");
    for needle in ["#include \"tiny_step.h\"", "means of", "their variances", "0.025f}"] {
        assert!(header.contains(needle), "{needle}: {header}");
    }
    let step = dir.text("tiny_step.h");
    assert!(step.contains(" * i/o state"), "{step}");
    assert!(step.contains("once, on 8 items"), "{step}");
}

#[test]
fn the_headers_are_c_and_c_plus_plus() {
    let dir = Dir::tiny();
    dir.pfp("adapt tiny.mlir --params tiny.safetensors --loss gaussian:1 --head interval:0.9").ok();
    dir.write("main.c", "#include \"tiny_adapt.h\"\nint main(void) { return 0; }\n");
    for (compiler, language) in [("cc", "c"), ("c++", "c++")] {
        let status = Command::new(compiler)
            .args(["-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic"])
            .arg(dir.path("main.c"))
            .status()
            .unwrap();
        assert!(status.success(), "{compiler}");
    }
}

#[test]
fn json_lists_files_places_and_sizes() {
    let dir = Dir::tiny();
    let said = dir.pfp(
        "adapt tiny.mlir --params tiny.safetensors --loss gaussian:1 --optimiser sgd -o out --json",
    );
    let json: serde_json::Value = serde_json::from_str(&said.ok()).unwrap();
    assert_eq!(json["files"].as_array().unwrap().len(), FILES.len());
    assert_eq!(json["state_bytes"], json["prior_bytes"], "sgd remembers nothing");
    assert_eq!(json["parameters"][0]["mean"], 0);
    assert_eq!(json["step"]["name"], "tiny_step");
}

#[test]
fn a_function_learns_beside_others_that_share_parameters_with_it() {
    let dir = Dir::tiny();
    let tiny = dir.text("tiny.mlir");
    let shared = tiny.replace("@tiny", "@shared");
    let other = tiny.replace("@tiny", "@other").replace("\"fc.", "\"more.");
    dir.write("three.mlir", [tiny, shared, other].join("\n"));
    let own = tiny_parameters();
    let more = own.clone().into_iter().map(|(name, tensor)| (name.replace("fc.", "more."), tensor));
    let all = own.clone().into_iter().chain(more).collect();
    dir.write("three.safetensors", safetensors(&all));
    let line = "--loss gaussian:1 --function tiny";
    dir.pfp(&format!("adapt three.mlir --params three.safetensors {line} -o three")).ok();
    dir.pfp(&format!("adapt tiny.mlir --params tiny.safetensors {line} -o one")).ok();
    for file in ["tiny.o", "tiny_step.o", "tiny_adapt.o"] {
        assert!(dir.read(&format!("three/{file}")) == dir.read(&format!("one/{file}")), "{file}");
    }
}

#[test]
fn names_that_a_step_needs_are_not_those_of_another_function() {
    let dir = Dir::tiny();
    let tiny = dir.text("tiny.mlir");
    for (name, needle) in [
        ("tiny_step", "cannot learn beside @tiny_step: both would have the C name pfp_tiny_step"),
        ("tiny_prior", "cannot learn beside @tiny_prior"),
        ("Tiny_Adapt", "both would have the macros PFP_TINY_ADAPT_.."),
    ] {
        let other = tiny.replace("@tiny", &format!("@{name}"));
        dir.write("two.mlir", [tiny.clone(), other].join("\n"));
        let line = "adapt two.mlir --params tiny.safetensors --loss gaussian:1 -o out";
        let ran = dir.pfp(&format!("{line} --function tiny"));
        assert_eq!(ran.code, Some(1), "{name}: {ran:#?}");
        assert!(ran.stderr.contains(needle), "{name}: {ran:#?}");
        assert!(!dir.path("out").exists(), "{name}");
    }
}

#[test]
fn a_batch_is_refused_where_it_is_fixed_and_taken_where_it_is_free() {
    let dir = Dir::tiny();
    let tiny = dir.text("tiny.mlir");
    let fixed = tiny.replace("@tiny", "@fixed").replace('?', "5");
    dir.write("mixed.mlir", [tiny, fixed].join("\n"));
    for option in ["--step-batch", "--batch"] {
        let line =
            format!("adapt mixed.mlir --params tiny.safetensors --loss gaussian:1 {option} 3");
        let ran = dir.pfp(&format!("{line} --function fixed -o fixed"));
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.stderr.contains(&format!("{option} 3 has no meaning for @fixed")), "{ran:#?}");
        assert!(!dir.path("fixed").exists());
        dir.pfp(&format!("{line} --function tiny -o free")).ok();
    }
}

#[test]
fn what_cannot_learn_is_refused() {
    let dir = Dir::tiny();
    for (arguments, code, needle) in [
        ("", 1, "give it with --params"),
        (
            "--params tiny.safetensors --parameters nothing",
            1,
            "fits the name of no Gaussian parameter",
        ),
        ("--params tiny.safetensors --parameters (", 1, "is no regular expression"),
        ("--params tiny.safetensors --loss gaussian", 1, "--loss gaussian:VARIANCE"),
        (
            "--params tiny.safetensors --names tiny.safetensors",
            1,
            "--names has no meaning without a posterior",
        ),
        ("--params tiny.safetensors --loss linear", 1, "no likelihood"),
        ("--params tiny.safetensors --loss hinge", 2, "no loss 'hinge'"),
        ("--params tiny.safetensors --optimiser lion", 2, "no optimiser 'lion'"),
        (
            "--params tiny.safetensors --loss gaussian:1 --observations 1e-300",
            1,
            "1/observations is inf in float32",
        ),
        (
            "--params tiny.safetensors --loss gaussian:1 --learning-rate 1e300",
            1,
            "the learning rate of means is inf in float32",
        ),
        ("--params tiny.safetensors --observations 0", 2, "not a number above 0"),
        ("--params tiny.safetensors --learning-rate -1", 2, "not a number above 0"),
    ] {
        let ran = dir.pfp(&format!("adapt tiny.mlir -o out {arguments}"));
        assert_eq!(ran.code, Some(code), "{arguments}: {ran:#?}");
        assert!(ran.stderr.contains(needle), "{arguments}: {ran:#?}");
        assert!(!dir.path("out").exists(), "{arguments}");
    }
}

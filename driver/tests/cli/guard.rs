//! Modules that MLIR could not take, each just over the limit.

use std::process::Command;

use crate::fixture::{Dir, NET, net_parameters, safetensors};

/// As the documentation states it.
const LEVELS: usize = 256;

/// A module that nests so deep: regions, types, attributes, affine expressions and aliases.
fn nested(levels: usize) -> Vec<String> {
    let within = |open: &str, core: &str, close: &str, levels: usize| {
        [&open.repeat(levels), core, &close.repeat(levels)].concat()
    };
    let aliases = (1..levels.div_ceil(2)).map(|i| format!("#a{i} = [#a{}]\n", i - 1));
    let aliases: String = ["#a0 = []\n".to_owned()].into_iter().chain(aliases).collect();
    vec![
        within("module {\n", "", "}\n", levels),
        format!("func.func private @f({})", within("tuple<", "i32", ">", levels - 1)),
        format!("module attributes {{a.b = {}}} {{}}", within("[", "", "]", levels - 1)),
        format!("module {{}} loc({})", within("fused[", "unknown", "]", levels - 1)),
        format!("#m = affine_map<(d0) -> ({})>", vec!["d0"; levels - 1].join(" + ")),
        format!("#m = affine_map<(d0) -> ({}d0)>", "- ".repeat(levels - 2)),
        aliases,
    ]
}

#[test]
fn text_that_nests_too_deep_is_refused_with_its_place() {
    let dir = Dir::empty();
    for text in nested(LEVELS + 2) {
        dir.write("deep.mlir", &text);
        let error = dir.pfp("inspect deep.mlir").error();
        assert!(error.contains("nests deeper than 256 levels"), "{text}: {error}");
        assert!(error.contains("[deep.mlir:"), "{error}");
        let opt = dir.run(Command::new(env!("CARGO_BIN_EXE_pfp-opt")).arg("deep.mlir")).error();
        assert!(opt.starts_with("deep.mlir:"), "{opt}");
        assert!(opt.contains(": error: the text nests deeper than 256 levels"), "{opt}");
    }
    for text in nested(LEVELS) {
        dir.write("fits.mlir", &text);
        dir.run(Command::new(env!("CARGO_BIN_EXE_pfp-opt")).args(["fits.mlir"])).ok();
        let error = dir.pfp("inspect fits.mlir").error();
        assert!(!error.contains("nests deeper"), "{text}: {error}");
    }
}

#[test]
fn parts_of_a_split_file_are_checked_each_on_its_own() {
    let dir = Dir::empty();
    let fits = nested(LEVELS).remove(0);
    dir.write("parts.mlir", format!("{fits}// -----\n{fits}"));
    let split = ["parts.mlir", "--split-input-file"];
    dir.run(Command::new(env!("CARGO_BIN_EXE_pfp-opt")).args(split)).ok();
    dir.write("parts.mlir", format!("{fits}// -----\nmodule {{\nmodule {{\n{fits}}}\n}}\n"));
    let error = dir.run(Command::new(env!("CARGO_BIN_EXE_pfp-opt")).args(split)).error();
    assert!(error.starts_with("parts.mlir:770:8: error: the text nests deeper"), "{error}");
}

#[test]
fn alignments_that_no_allocator_gives_are_refused() {
    let dir = Dir::empty();
    let text = "module {}\n{-#\n  dialect_resources: { builtin: { a: \"0x03000000\" } }\n#-}\n";
    dir.write("resource.mlir", text);
    let error = dir.pfp("inspect resource.mlir").error();
    assert!(error.contains("the resource claims the alignment 3"), "{error}");
    let opt = dir.run(Command::new(env!("CARGO_BIN_EXE_pfp-opt")).arg("resource.mlir")).error();
    assert!(opt.contains("resource.mlir:3:"), "{opt}");
}

#[test]
fn bytecode_is_for_pfp_opt_to_read() {
    let dir = Dir::tiny();
    let mut opt = Command::new(env!("CARGO_BIN_EXE_pfp-opt"));
    dir.run(opt.args(["tiny.mlir", "--emit-bytecode", "-o", "tiny.mlirbc"])).ok();
    let error = dir.pfp("compile tiny.mlirbc --params tiny.safetensors").error();
    assert!(error.contains("tiny.mlirbc is MLIR bytecode, not text"), "{error}");
    assert!(error.contains("pfp-opt FILE -o FILE.mlir makes text of it"), "{error}");
    let mut opt = Command::new(env!("CARGO_BIN_EXE_pfp-opt"));
    dir.run(opt.args(["tiny.mlirbc", "-o", "again.mlir"])).ok();
    dir.pfp("compile again.mlir --params tiny.safetensors -o out").ok();
}

/// Functions of which each calls the next one twice.
fn doubling(levels: usize) -> String {
    let ty = "!gauss.tensor<1x4xf32>";
    let layer = |name: String, visibility: &str, body: String| {
        format!("func.func {visibility}@{name}(%x: {ty}) -> {ty} {{\n{body}\n}}\n")
    };
    let relu = format!("%0 = gauss.relu %x : ({ty}) -> {ty} return %0 : {ty}");
    let mut text = layer("f0".into(), "private ", relu);
    for level in 1..=levels {
        let call = |from: &str| format!("call @f{}(%{from}) : ({ty}) -> {ty}", level - 1);
        let body = format!("%0 = {} %1 = {} return %1 : {ty}", call("x"), call("0"));
        let visibility = if level == levels { "" } else { "private " };
        text += &layer(format!("f{level}"), visibility, body);
    }
    text
}

#[test]
fn calls_that_double_are_counted_before_they_are_inlined() {
    let dir = Dir::empty();
    dir.write("double.mlir", doubling(60));
    for command in ["compile", "inspect", "check", "bench"] {
        let error = dir.pfp(&format!("{command} double.mlir")).error();
        assert!(error.contains("ops when its calls are inlined; the most is 4096"), "{error}");
        assert!(error.contains("@f10"), "{error}");
    }
    dir.write("double.mlir", doubling(4));
    dir.pfp("check double.mlir --samples 0").ok();
}

#[test]
fn recursion_is_named() {
    let dir = Dir::empty();
    let ty = "!gauss.tensor<1x4xf32>";
    let call = format!("%0 = call @f(%x) : ({ty}) -> {ty} return %0 : {ty}");
    dir.write("loop.mlir", format!("func.func @f(%x: {ty}) -> {ty} {{\n{call}\n}}\n"));
    let error = dir.pfp("check loop.mlir").error();
    assert!(error.contains("'func.call' op is recursive"), "{error}");
}

#[test]
fn texts_spell_out_small_weights_and_declare_large_ones() {
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", safetensors(&net_parameters()));
    dir.pfp("compile net.mlir --params net.safetensors --emit=asm,llvm").ok();
    assert!(!dir.text("net.ll").contains(" = external hidden "));

    // 17 MiB of means and variances.
    let ty = "!gauss.tensor<2048x1088xf32>";
    let constant = format!(
        "gauss.constant mean(dense<0.5> : tensor<2048x1088xf32>) \
         variance(dense<0.25> : tensor<2048x1088xf32>) : {ty}"
    );
    dir.write(
        "large.mlir",
        format!(
            "func.func @large(%x: tensor<1x1088xf32>) -> !gauss.tensor<1x2048xf32> {{\n\
             %w = {constant}\n\
             %y = gauss.dense %x, %w : (tensor<1x1088xf32>, {ty}) -> !gauss.tensor<1x2048xf32>\n\
             return %y : !gauss.tensor<1x2048xf32>\n}}\n"
        ),
    );
    let ran = dir.pfp("compile large.mlir --emit=asm,llvm,obj");
    assert!(ran.stderr.contains("NOTE: assembly and LLVM IR of @large: Constants of"), "{ran:#?}");
    ran.ok();
    let (llvm, assembly) = (dir.text("large.ll"), dir.text("large.s"));
    assert!(llvm.starts_with("; Constants of 1 KiB and more are declared only"), "{llvm}");
    assert!(llvm.contains(" = external hidden "), "{llvm}");
    assert!(llvm.len() < 1 << 20 && assembly.len() < 1 << 20);
    assert!(dir.read("large.o").len() > 16 << 20);
    // What is left is the code of the object.
    dir.run(Command::new("cc").args(["-c", "large.s", "-o", "assembled.o"])).ok();
    let text = |file: &str| {
        use object::{Object, ObjectSection};
        let bytes = dir.read(file);
        let object = object::File::parse(&*bytes).unwrap();
        object.section_by_name(".text").unwrap().size()
    };
    assert_eq!(text("assembled.o"), text("large.o"));
}

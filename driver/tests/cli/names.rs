//! Names of functions that clash: with each other, with the C library, with Rust's prelude.

use std::process::Command;

use crate::fixture::{Dir, Ran, repository};

/// A module with one function of each name.
fn module(names: &[&str]) -> String {
    let function = |name: &&str| {
        format!(
            "func.func @{name}(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {{\n  \
             %0 = gauss.relu %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>\n  \
             return %0 : !gauss.tensor<1x4xf32>\n}}\n"
        )
    };
    names.iter().map(function).collect()
}

fn compile(dir: &Dir, names: &[&str], options: &str) -> Ran {
    dir.write("module.mlir", module(names));
    dir.pfp(&format!("compile module.mlir {options}"))
}

#[test]
fn two_functions_that_would_be_one_in_c_are_refused() {
    let dir = Dir::empty();
    for (names, what) in [
        (["net", "net_run"], "the C name pfp_net_run"),
        (["net_parallel", "net"], "the C name pfp_net_parallel"),
        (["net", "Net"], "the macros PFP_NET_.."),
        (["net_A1", "net_a1"], "the macros PFP_NET_A1_.."),
    ] {
        let error = compile(&dir, &names, "-o out").error();
        let [first, second] = names;
        assert!(error.contains(&format!("cannot be compiled beside @{first}")), "{error}");
        assert!(error.contains(what) && error.contains("--function"), "{error}");
        // It points at the second.
        assert!(error.contains(&format!("func.func @{second}")), "{error}");
        assert!(!dir.path("out").exists(), "nothing is written");
        // Each for itself is no trouble.
        compile(&dir, &names, &format!("--function {first} -o {first}")).ok();
        compile(&dir, &names, &format!("--function {second} -o {second}")).ok();
    }
}

#[test]
fn names_that_only_look_alike_are_not() {
    let dir = Dir::empty();
    let names = ["net", "net_runs", "net_input", "net_tasks", "net2", "pfp_net", "ok", "executor"];
    compile(&dir, &names, "--threads 2 -o out").ok();
    let includes: String = names.iter().map(|name| format!("#include \"{name}.h\"\n")).collect();
    for (file, compiler, standard) in
        [("user.c", "cc", "-std=c99"), ("user.cpp", "c++", "-std=c++11")]
    {
        dir.write(file, &includes);
        let flags = [standard, "-Iout", "-Wall", "-Wextra", "-Werror", "-pedantic"];
        dir.run(Command::new(compiler).args(flags).args(["-fsyntax-only", file])).ok();
    }
}

#[test]
fn what_would_hide_a_header_or_a_library_is_refused() {
    let dir = Dir::empty();
    let error = compile(&dir, &["math"], "").error();
    assert!(error.contains("math.h would hide <math.h>"), "{error}");
    let error = compile(&dir, &["net", "String"], "").error();
    assert!(error.contains("String.h would hide <string.h>"), "{error}");
    let error = compile(&dir, &["m"], "--emit=shared").error();
    assert!(error.contains("libm.so would stand for -lm"), "{error}");
    assert_eq!(dir.list("."), ["module.mlir"]);
    compile(&dir, &["math"], "--emit=obj,manifest,shared").ok();
    compile(&dir, &["m"], "").ok();
}

/// Names that C, C++, Rust or the C library have, but that nothing which is written has as it is.
const WORDS: [&str; 16] = [
    "int", "class", "new", "template", "fn", "crate", "async", "main", "memcpy", "memset",
    "memmove", "calloc", "expf", "packed_0", "self", "register",
];

#[test]
fn words_of_c_cpp_and_of_the_c_library_are_names_like_others() {
    let dir = Dir::empty();
    compile(&dir, &WORDS, "--emit=obj,header -o out").ok();
    let mut source: String = WORDS.map(|name| format!("#include \"{name}.h\"\n")).concat();
    source += "#include <stdio.h>\nint main(void) {\n";
    source += "  float x[8] = {1, -1, 2, 0, 0, 0, 0, 0}, y[8];\n  int failed = 0;\n";
    for name in WORDS {
        source += &format!("  failed += pfp_{name}(x, x + 4, y, y + 4, 0) || y[0] != 1 || y[1];\n");
    }
    source += "  printf(\"%d\", failed);\n  return failed;\n}\n";
    let objects = WORDS.map(|name| format!("out/{name}.o"));
    for (file, compiler) in [("user.c", "cc"), ("user.cpp", "c++")] {
        dir.write(file, &source);
        let mut command = Command::new(compiler);
        command.args(["-Iout", "-Wall", "-Werror", file, "-o", "user"]).args(&objects);
        dir.run(&mut command).ok();
        dir.run(&mut Command::new(dir.path("user"))).ok();
    }
}

#[test]
fn a_network_named_memcpy_may_copy() {
    let dir = Dir::empty();
    for name in ["memcpy", "memset", "memmove", "packed_0"] {
        let text = crate::fixture::NET.replace("@net", &format!("@{name}"));
        dir.write("net.mlir", text);
        let parameters = crate::fixture::net_parameters();
        dir.write("net.safetensors", crate::fixture::safetensors(&parameters));
        dir.pfp("check net.mlir --params net.safetensors --samples 0 --batch 64").ok();
    }
}

/// What Rust has in every module, and what the crate for compiled models has.
const PRELUDE: [&str; 14] = [
    "option",
    "result",
    "box",
    "self",
    "vec",
    "some",
    "ok",
    "err",
    "drop",
    "into_iterator",
    "arena",
    "model",
    "fn",
    "to_string",
];

#[test]
fn rust_bindings_hide_nothing() {
    let dir = Dir::empty();
    compile(&dir, &PRELUDE, "--emit=rust --threads 2 -o out").ok();
    compile(&dir, &["string"], "--emit=rust -o out").ok();
    let bindings: String = PRELUDE
        .into_iter()
        .chain(["string"])
        .map(|name| format!("include!({:?});\n", dir.path(&format!("out/{name}.rs"))))
        .collect();
    // All in one module, together with code that uses what they could hide.
    let source = format!(
        "#![allow(dead_code)]
use pfp_runtime::{{Arena, Model}};
{bindings}
pub fn user(x: &[f32]) -> Result<Option<Box<String>>, Vec<String>> {{
    drop(Arena::<64>::new());
    match x.iter().map(|x| x.to_string()).next() {{
        Some(text) if <SelfModel as Model>::BATCH == 1 => Ok(Some(Box::new(text))),
        _ => Err(vec![String::from(<OptionModel as Model>::SYMBOL)]),
    }}
}}
"
    );
    dir.write("lib.rs", source);
    let runtime = repository().join("runtime").canonicalize().unwrap();
    dir.write(
        "Cargo.toml",
        format!(
            "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [lib]\npath = \"lib.rs\"\n\n\
             [dependencies]\n\
             pfp-runtime = {{ path = {runtime:?}, default-features = false }}\n\n[workspace]\n"
        ),
    );
    let mut check = Command::new(env!("CARGO"));
    check.args(["check", "--offline", "-q", "--target-dir", "target"]);
    check.env_remove("CARGO_TARGET_DIR").env("RUSTFLAGS", "-D warnings");
    dir.run(&mut check).ok();
}

#[test]
fn two_functions_that_would_be_one_type_of_rust_are_refused() {
    let dir = Dir::empty();
    let names = ["my_net", "myNet"];
    let error = compile(&dir, &names, "--emit=obj,rust -o out").error();
    assert!(error.contains("the Rust type MyNet"), "{error}");
    assert!(!dir.path("out").exists());
    compile(&dir, &names, "-o out").ok();
    let error = compile(&dir, &["option", "option_model"], "--emit=rust").error();
    assert!(error.contains("the Rust type OptionModel"), "{error}");
}

//! `pfp compile`.

use std::process::Command;

use object::{Object, ObjectSymbol, SymbolKind};

use crate::fixture::{Dir, FUSION, TINY, has};

/// A text without what changes from release to release: versions, and sizes
/// that depend on the code generator.
fn released(text: &str) -> String {
    let lines =
        text.lines().filter(|line| !line.contains("_BYTES ") || line.contains("ARENA_BYTES"));
    let lines = lines.filter(|line| !line.contains("\"llvm\":"));
    lines.map(|line| line.replace(env!("CARGO_PKG_VERSION"), "VERSION") + "\n").collect()
}

#[test]
fn writes_object_header_and_manifest_named_after_the_function() {
    let dir = Dir::tiny();
    let output = dir.pfp("compile tiny.mlir --params tiny.safetensors -o build/deep").ok();
    assert_eq!(dir.list("build/deep"), ["tiny.h", "tiny.json", "tiny.o"]);
    for file in ["tiny.h", "tiny.json", "tiny.o"] {
        assert!(output.contains(&format!("build/deep/{file}")), "{output}");
    }
}

#[test]
fn the_object_exports_one_function_and_needs_nothing() {
    let dir = Dir::tiny();
    dir.pfp("compile tiny.mlir --params tiny.safetensors").ok();
    let bytes = dir.read("tiny.o");
    let object = object::File::parse(&*bytes).unwrap();
    let exported: Vec<_> = object
        .symbols()
        .filter(|symbol| symbol.is_global() && symbol.kind() == SymbolKind::Text)
        .map(|symbol| symbol.name().unwrap())
        .collect();
    assert_eq!(exported, ["pfp_tiny"]);
    let undefined = object.symbols().filter(|symbol| symbol.is_undefined());
    for name in undefined.map(|symbol| symbol.name().unwrap()).filter(|name| !name.is_empty()) {
        assert!(["memcpy", "memset", "memmove"].contains(&name), "{name}");
    }
}

#[test]
fn every_kind_of_file() {
    let dir = Dir::tiny();
    dir.pfp("compile tiny.mlir --params tiny.safetensors --emit=asm,llvm,mlir,rust -o out").ok();
    assert_eq!(dir.list("out"), ["tiny.ll", "tiny.mlir", "tiny.rs", "tiny.s"]);
    assert!(dir.text("out/tiny.s").contains("pfp_tiny:"));
    assert!(dir.text("out/tiny.ll").contains("i32 @pfp_tiny("));
    let mlir = dir.text("out/tiny.mlir");
    assert!(mlir.contains("linalg.generic") && !mlir.contains("gauss."), "{mlir}");
}

#[test]
fn the_emitted_mlir_is_standard() {
    let mlir_opt = "/usr/lib/llvm-22/bin/mlir-opt";
    if !has(mlir_opt) {
        return;
    }
    let dir = Dir::tiny();
    dir.pfp("compile tiny.mlir --params tiny.safetensors --emit=mlir -o out").ok();
    dir.run(Command::new(mlir_opt).args(["out/tiny.mlir", "-o", "checked.mlir"])).ok();
}

#[test]
fn the_manifest_states_the_facts() {
    let dir = Dir::tiny();
    dir.pfp(
        "compile tiny.mlir --params tiny.safetensors --target aarch64-linux-gnu --cpu cortex-a72 \
         --batch 2",
    )
    .ok();
    let mut manifest = dir.json("tiny.json");
    // The sizes depend on the code generator.
    for size in ["text_bytes", "rodata_bytes", "stack_bound_bytes", "weight_bytes"] {
        assert!(manifest[size].is_u64(), "{size}");
        manifest[size] = "a number".into();
    }
    insta::assert_snapshot!(released(&serde_json::to_string_pretty(&manifest).unwrap()));
}

#[test]
fn the_header_states_the_interface() {
    let dir = Dir::tiny();
    dir.write("fusion.mlir", FUSION);
    dir.pfp("compile fusion.mlir --target aarch64-linux-gnu --cpu cortex-a72").ok();
    insta::assert_snapshot!(released(&dir.text("fusion.h")));
}

#[test]
fn several_headers_serve_c_and_cpp() {
    let dir = Dir::tiny();
    dir.write("fusion.mlir", FUSION);
    dir.pfp("compile tiny.mlir --params tiny.safetensors").ok();
    dir.pfp("compile fusion.mlir").ok();
    let source = "#include \"tiny.h\"\n#include \"fusion.h\"\n#include \"tiny.h\"\n\
                  int sizes[] = PFP_FUSION_INPUT0_SHAPE;\n\
                  int f(const float *x, float *m, float *v) {\n\
                    return pfp_tiny_run(x, m, v) == PFP_OK || pfp_fusion(x, x, x, m, v, m, 0);\n}\n";
    for (file, compiler, standard) in
        [("user.c", "cc", "-std=c99"), ("user.cpp", "c++", "-std=c++11")]
    {
        dir.write(file, source);
        let flags = [standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"];
        dir.run(Command::new(compiler).args(flags).arg(file)).ok();
    }
}

#[test]
fn the_rust_binding() {
    let dir = Dir::tiny();
    dir.write("fusion.mlir", FUSION);
    dir.pfp("compile fusion.mlir --target aarch64-none-elf --cpu cortex-a53 --emit=rust").ok();
    insta::assert_snapshot!(released(&dir.text("fusion.rs")));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let dir = Dir::tiny();
    let all = "obj,header,manifest,shared,asm,llvm,mlir,rust";
    for out in ["one", "two"] {
        dir.pfp(&format!("compile tiny.mlir --params tiny.safetensors --emit={all} -o {out}")).ok();
    }
    let files = dir.list("one");
    assert_eq!(files.len(), 8);
    for file in files {
        let [one, two] = ["one", "two"].map(|out| dir.read(&format!("{out}/{file}")));
        assert_eq!(one, two, "{file}");
        let path = dir.path("").display().to_string();
        assert!(!String::from_utf8_lossy(&one).contains(&path), "{file} holds a path");
    }
}

#[test]
fn every_public_function_or_the_one_that_is_asked_for() {
    let dir = Dir::tiny();
    let other = TINY.replace("@tiny", "@other");
    let private = TINY.replace("func.func @tiny", "func.func private @hidden");
    dir.write("two.mlir", format!("{TINY}{other}{private}"));
    dir.pfp("compile two.mlir --params tiny.safetensors --emit=obj -o all").ok();
    assert_eq!(dir.list("all"), ["other.o", "tiny.o"]);
    dir.pfp("compile two.mlir --params tiny.safetensors --emit=obj --function other -o one").ok();
    assert_eq!(dir.list("one"), ["other.o"]);
    let error = dir.pfp("compile two.mlir --params tiny.safetensors --function third").error();
    assert!(error.contains("no public function @third"), "{error}");
    assert!(error.contains("@tiny, @other"), "{error}");
    let error = dir.pfp("run two.mlir --params tiny.safetensors --input x.npy").error();
    assert!(error.contains("2 public functions"), "{error}");
}

#[test]
fn a_function_that_calls_others_is_one_object() {
    let dir = Dir::empty();
    dir.write(
        "calls.mlir",
        "func.func private @half(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
           %y = gauss.relu %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
           return %y : !gauss.tensor<1x4xf32>
         }
         func.func @whole(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
           %a = call @half(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
           %b = call @half(%a) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
           return %b : !gauss.tensor<1x4xf32>
         }",
    );
    let report = dir.pfp("compile calls.mlir --json").json();
    let layers = &report["functions"][0]["manifest"]["op_counts"]["layers"];
    assert_eq!(layers.as_array().unwrap().len(), 2);
    dir.pfp("check calls.mlir --samples 0").ok();
}

#[test]
fn the_batch_is_fixed_where_it_is_open() {
    let dir = Dir::tiny();
    dir.pfp("compile tiny.mlir --params tiny.safetensors --batch 7").ok();
    assert!(dir.text("tiny.h").contains("#define PFP_TINY_BATCH 7 "));
    assert!(dir.text("tiny.h").contains("#define PFP_TINY_INPUT_SHAPE {7, 4}"));
    dir.write("fusion.mlir", FUSION);
    dir.pfp("compile fusion.mlir --batch 1").ok();
    let error = dir.pfp("compile fusion.mlir --batch 2").error();
    assert!(error.contains("the batch of fusion.mlir is fixed to 1, not 2"), "{error}");
}

#[test]
fn json_lists_the_files_and_the_manifest() {
    let dir = Dir::tiny();
    let report = dir.pfp("compile tiny.mlir --params tiny.safetensors -o out --json").json();
    let function = &report["functions"][0];
    assert_eq!(function["files"][0], "out/tiny.o");
    assert_eq!(function["manifest"], dir.json("out/tiny.json"));
}

#[test]
fn verbose_tells_the_steps_on_standard_error() {
    let dir = Dir::tiny();
    let ran = dir.pfp("compile tiny.mlir --params tiny.safetensors -v");
    for step in ["reading the network", "lowering", "optimising", "generating code"] {
        assert!(ran.stderr.contains(step), "{ran:#?}");
    }
    let quiet = dir.pfp("compile tiny.mlir --params tiny.safetensors");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn what_cannot_be_written_is_named() {
    let dir = Dir::tiny();
    dir.write("file", "");
    let error = dir.pfp("compile tiny.mlir --params tiny.safetensors -o file").error();
    assert!(error.contains("cannot write file/tiny.o: Not a directory"), "{error}");
    let error = dir.pfp("compile tiny.mlir --params tiny.safetensors -o /proc/nothing").error();
    assert!(error.contains("cannot write /proc/nothing"), "{error}");
    std::fs::create_dir_all(dir.path("taken/tiny.o")).unwrap();
    let error = dir.pfp("compile tiny.mlir --params tiny.safetensors -o taken").error();
    assert!(error.contains("cannot write taken/tiny.o: Is a directory"), "{error}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let dir = Dir::tiny();
    let mut command = Command::new("sh");
    let script = format!(
        "{} inspect tiny.mlir | head -c 0; {} nonsense 2>&1 | head -c 0",
        env!("CARGO_BIN_EXE_pfp"),
        env!("CARGO_BIN_EXE_pfp")
    );
    let ran = dir.run(command.args(["-c", &script]));
    assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
}

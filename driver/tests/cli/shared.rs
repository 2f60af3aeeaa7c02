//! The shared library.

use crate::fixture::{Dir, NET, has, net_parameters, npy, pfp, run_c, safetensors};

/// Calls `pfp_net_run`, from two threads where it can, and prints what comes out.
const CALLER: &str = r#"
#include <stdio.h>
#include "net.h"
_Static_assert(PFP_NET_ARENA_BYTES > 0, "the arena is what threads could share");
static float input[2][36];
static void *call(void *result) {
    float *out = result;
    const float *x = input[(int)out[0]];
    for (int i = 0; i < 1000; i++)
        if (pfp_net_run(x, out, out + 3) != PFP_OK)
            return result;
    return 0;
}
#ifdef THREADS
#include <pthread.h>
static int call_all(float out[2][6]) {
    pthread_t threads[2];
    void *failed[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, call, out[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &failed[i]);
    return failed[0] || failed[1];
}
#else
static int call_all(float out[2][6]) { return call(out[0]) || call(out[1]); }
#endif
int main(void) {
    for (int i = 0; i < 72; i++)
        input[i / 36][i % 36] = (i % 5) * 0.5f - 1;
    float out[2][6] = {{0}, {1}};
    if (call_all(out))
        return 1;
    for (int i = 0; i < 12; i++)
        printf("%.9g ", out[i / 6][i % 6]);
    return pfp_net_run(0, out[0], out[1]) == PFP_ERROR_NULL ? 0 : 2;
}
"#;

fn call(target: &str, compiler: &str, emulator: &[&str]) {
    if !has(compiler) || emulator.first().is_some_and(|program| !has(program)) {
        return;
    }
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", safetensors(&net_parameters()));
    dir.write("caller.c", CALLER);
    dir.pfp(&format!("compile net.mlir --params net.safetensors {target} --emit=shared,header"))
        .ok();
    let flags = ["caller.c", "-L.", "-lnet", "-Wl,-rpath,$ORIGIN"];
    let printed = run_c(&dir, compiler, emulator, &flags);
    let values: Vec<f64> = printed.split_whitespace().map(|word| word.parse().unwrap()).collect();

    let input: Vec<f32> = (0..72).map(|i| (i % 5) as f32 * 0.5 - 1.0).collect();
    dir.write("x.npy", npy(&[2, 6, 6], &input));
    let json = dir.pfp("run net.mlir --params net.safetensors --input x.npy --json").json();
    for (index, value) in values.iter().enumerate() {
        let (item, part, element) = (index / 6, index % 6 / 3, index % 3);
        let expected = json["outputs"][part]["values"][3 * item + element].as_f64().unwrap();
        assert!((value - expected).abs() <= 1e-5 * expected.abs(), "{values:?} {json:#}");
    }
}

#[test]
fn any_language_can_call_it_on_the_host() {
    call("", "cc", &[]);
}

#[test]
fn any_language_can_call_it_on_aarch64() {
    call(
        "--target aarch64-linux-gnu --cpu cortex-a72",
        "aarch64-linux-gnu-gcc",
        &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
    );
}

#[test]
fn a_missing_linker_is_named_with_its_package() {
    let dir = Dir::tiny();
    let compile = |target: &str| {
        let mut command = pfp();
        command.args(["compile", "tiny.mlir", "--params", "tiny.safetensors", "--emit=shared,obj"]);
        command.args(["--target", target]).env("PATH", "/nonexistent");
        dir.run(&mut command).error()
    };
    let error = compile("host");
    assert!(error.contains("needs the linker cc"), "{error}");
    assert!(error.contains("apt-get install gcc"), "{error}");
    let error = compile("aarch64-linux-gnu");
    assert!(error.contains("needs the linker aarch64-linux-gnu-gcc"), "{error}");
    assert!(error.contains("apt-get install gcc-aarch64-linux-gnu"), "{error}");
    // All or nothing.
    assert!(!dir.path("tiny.o").exists());
}

#[test]
fn bare_metal_has_no_shared_libraries() {
    let dir = Dir::tiny();
    let error = dir
        .pfp("compile tiny.mlir --params tiny.safetensors --target aarch64-none-elf --emit=shared")
        .error();
    assert!(error.contains("aarch64-none-elf has no shared libraries"), "{error}");
}

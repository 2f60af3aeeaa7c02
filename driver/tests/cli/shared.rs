//! The shared library.

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

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

/// Maxima of a large image: an arena of megabytes.
const LARGE: &str = r#"func.func @large(%x: !gauss.tensor<1x1x256x256xf32>) -> !gauss.tensor<1x1x256x256xf32> {
  %0 = gauss.max_pool2d %x kernel [3, 3] padding [1, 1, 1, 1] : (!gauss.tensor<1x1x256x256xf32>) -> !gauss.tensor<1x1x256x256xf32>
  %1 = gauss.max_pool2d %0 kernel [3, 3] padding [1, 1, 1, 1] : (!gauss.tensor<1x1x256x256xf32>) -> !gauss.tensor<1x1x256x256xf32>
  return %1 : !gauss.tensor<1x1x256x256xf32>
}
"#;

/// Counts the arenas of the library, and refuses them on demand: its allocations reach the
/// program's own functions.
const COUNTER: &str = r#"
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "large.h"
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);
enum { MANY = 64 };
static _Atomic(void *) arenas[MANY];
static atomic_int allocated, refuse;
void *aligned_alloc(size_t alignment, size_t bytes) {
    if (alignment != PFP_LARGE_ARENA_ALIGN || bytes < PFP_LARGE_ARENA_BYTES || bytes % alignment)
        abort();
    allocated++;
    void *arena = refuse ? 0 : __libc_memalign(alignment, bytes), *none;
    for (int i = 0; arena && i < MANY && (none = 0, !atomic_compare_exchange_strong(&arenas[i], &none, arena)); i++);
    return arena;
}
void free(void *pointer) {
    for (int i = 0; pointer && i < MANY; i++) {
        void *this = pointer;
        if (atomic_compare_exchange_strong(&arenas[i], &this, 0))
            break;
    }
    __libc_free(pointer);
}
static int held(void) {
    int count = 0;
    for (int i = 0; i < MANY; i++)
        count += arenas[i] != 0;
    return count;
}
static float x[2][PFP_LARGE_INPUT_ELEMENTS];
static __typeof__(pfp_large_run) *run;
static void *call(void *out) {
    float (*y)[PFP_LARGE_OUTPUT_ELEMENTS] = out;
    long status = run(x[0], x[1], y[0], y[1]);
    return (void *)status;
}
#ifdef THREADS
#include <pthread.h>
static void *idle(void *nothing) { return nothing; }
#endif
int main(int count, char **arguments) {
    static float y[4][2][PFP_LARGE_OUTPUT_ELEMENTS];
    for (int i = 0; i < PFP_LARGE_INPUT_ELEMENTS; i++)
        x[0][i] = (i * 31 % 97) / 48.0f - 1, x[1][i] = (i * 17 % 13) / 13.0f;
    for (int load = 0; load < 2; load++) {
        void *library = dlopen("./liblarge.so", RTLD_NOW);
        if (!library)
            return fprintf(stderr, "%s\n", dlerror()), 1;
        run = (__typeof__(run))dlsym(library, "pfp_large_run");
        /* Without memory: a status, and nothing is written. */
        refuse = 1;
        y[0][0][0] = y[0][1][0] = 42;
        if (call(y[0]) != (void *)PFP_ERROR_MEMORY || y[0][0][0] != 42 || y[0][1][0] != 42)
            return 2;
        refuse = 0;
        /* One thread needs one arena for any number of calls. */
        allocated = 0;
        for (int i = 0; i < 3; i++)
            if (call(y[0]))
                return 3;
        if (allocated != 1 || held() != 1)
            return 4;
#ifdef THREADS
        /* The stacks of threads that do not call are theirs. */
        pthread_attr_t attributes;
        pthread_t threads[4];
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 1 << 16);
        if (pthread_create(&threads[0], &attributes, idle, 0) || pthread_join(threads[0], 0))
            return 5;
        /* Threads that call at the same time have an arena each, and leave none behind but one. */
        for (int i = 0; i < 4; i++)
            if (pthread_create(&threads[i], 0, call, y[i]))
                return 6;
        for (int i = 0; i < 4; i++) {
            void *status;
            if (pthread_join(threads[i], &status) || status || memcmp(y[i], y[0], sizeof y[0]))
                return 7;
        }
        if (held() != 1)
            return 8;
#endif
        /* Unloaded, the library has none. */
        if (dlclose(library) || held())
            return 9;
    }
    printf("right\n");
    return 0;
}
"#;

fn count_arenas(target: &str, compiler: &str, emulator: &[&str]) {
    if !has(compiler) || emulator.first().is_some_and(|program| !has(program)) {
        return;
    }
    let dir = Dir::empty();
    dir.write("large.mlir", LARGE);
    dir.write("caller.c", COUNTER);
    dir.pfp(&format!("compile large.mlir {target} --emit=shared,header,manifest")).ok();
    assert!(dir.json("large.json")["arena_bytes"].as_u64().unwrap() > 1_000_000);
    let printed = run_c(&dir, compiler, emulator, &["-O1", "caller.c", "-rdynamic", "-ldl"]);
    assert_eq!(printed, "right\n");
}

#[test]
fn an_arena_is_there_for_a_call_and_gone_with_the_library() {
    count_arenas("", "cc", &[]);
}

#[test]
fn the_same_on_aarch64() {
    count_arenas(
        "--target aarch64-linux-gnu --cpu cortex-a72",
        "aarch64-linux-gnu-gcc",
        &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
    );
}

#[test]
fn threads_share_nothing_and_the_linker_finds_all_in_the_c_library() {
    let dir = Dir::empty();
    // Eight pointers: some are on the stack, where a vector register could carry them along.
    dir.write(
        "many.mlir",
        "func.func @many(%a: !gauss.tensor<1x40xf32>, %w: !gauss.tensor<40x40xf32>) \
           -> (!gauss.tensor<1x40xf32>, !gauss.tensor<1x40xf32>) {
           %0 = gauss.dense %a, %w : (!gauss.tensor<1x40xf32>, !gauss.tensor<40x40xf32>) -> !gauss.tensor<1x40xf32>
           %1 = gauss.relu %0 : (!gauss.tensor<1x40xf32>) -> !gauss.tensor<1x40xf32>
           %2 = gauss.dense %1, %w : (!gauss.tensor<1x40xf32>, !gauss.tensor<40x40xf32>) -> !gauss.tensor<1x40xf32>
           return %1, %2 : !gauss.tensor<1x40xf32>, !gauss.tensor<1x40xf32>
         }",
    );
    for cpu in ["x86-64", "x86-64-v3", "x86-64-v4", "znver5"] {
        dir.pfp(&format!("compile many.mlir --target x86_64-linux-gnu --cpu {cpu} --emit=shared"))
            .ok();
        let bytes = dir.read("libmany.so");
        let library = object::File::parse(&*bytes).unwrap();
        for symbol in library.dynamic_symbols().filter(|symbol| symbol.is_undefined()) {
            let name = symbol.name().unwrap();
            let known = ["", "aligned_alloc", "free", "memcpy", "memset", "memmove"];
            // A thread-local variable would need __tls_get_addr.
            assert!(known.contains(&name), "{cpu}: {name}");
        }
        let is_tls = |section: &object::Section| {
            matches!(section.kind(), SectionKind::Tls | SectionKind::UninitializedTls)
        };
        assert!(!library.sections().any(|section| is_tls(&section)), "{cpu}");
    }
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
    // All or nothing, and found before the work.
    assert!(!dir.path("tiny.o").exists());
    assert!(!error.contains("generating code"), "{error}");
}

#[test]
fn bare_metal_has_no_shared_libraries() {
    let dir = Dir::tiny();
    let error = dir
        .pfp("compile tiny.mlir --params tiny.safetensors --target aarch64-none-elf --emit=shared")
        .error();
    assert!(error.contains("aarch64-none-elf has no shared libraries"), "{error}");
}

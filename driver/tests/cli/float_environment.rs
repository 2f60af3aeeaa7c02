//! The floating-point environment of a caller: what it has unmasked does not trap in a call, and
//! control and flags are after the call what they were before.

use crate::fixture::{Dir, NET, has, net_parameters, run_c, safetensors};

/// Images of which whole regions are equal, so that variances are zero and maxima are ties.
const INPUTS: &str = r#"
#include <stdio.h>
#include "net.h"
static _Alignas(64) char arena[PFP_NET_ARENA_BYTES];
static float x[3][PFP_NET_INPUT_ELEMENTS];
static void fill(void) {
    for (int i = 0; i < PFP_NET_INPUT_ELEMENTS; i++) {
        x[0][i] = (i * 7 % 11) / 11.0f - 0.4f;
        x[1][i] = 0;
        x[2][i] = i < PFP_NET_INPUT_ELEMENTS / 2 ? 0 : 1;
    }
}
static float m[PFP_NET_OUTPUT_ELEMENTS], v[PFP_NET_OUTPUT_ELEMENTS];
"#;

/// Unmasks all exceptions, raises the flag of one, and compares the word after each call; with
/// tasks also in the threads of the executor.
const X86_64: &str = r#"
#include <xmmintrin.h>
static unsigned unmask(void) {
    _mm_setcsr(0x0010);
    return _mm_getcsr();
}
#ifdef PFP_NET_TASKS
#include <pthread.h>
struct call { void (*task)(void *, size_t); void *data; size_t index; };
static void *one(void *argument) {
    struct call *call = argument;
    unsigned before = unmask();
    call->task(call->data, call->index);
    return _mm_getcsr() == before ? 0 : argument;
}
static void run(void *context, void (*task)(void *, size_t), void *data, size_t count) {
    pthread_t threads[PFP_NET_TASKS];
    struct call calls[PFP_NET_TASKS];
    for (size_t i = 0; i < count; i++) {
        calls[i] = (struct call){task, data, i};
        pthread_create(&threads[i], 0, one, &calls[i]);
    }
    for (size_t i = 0; i < count; i++) {
        void *changed;
        pthread_join(threads[i], &changed);
        if (changed)
            ++*(int *)context;
    }
}
#endif
int main(void) {
    fill();
    int changed = 0, failed = 0;
    for (int i = 0; i < 3; i++) {
        unsigned before = unmask();
        failed += pfp_net(x[i], m, v, arena);
        changed += _mm_getcsr() != before;
#ifdef PFP_NET_TASKS
        struct pfp_executor executor = {&changed, run};
        failed += pfp_net_parallel(x[i], m, v, arena, &executor);
        changed += _mm_getcsr() != before;
#endif
        _mm_setcsr(0x1f80);
    }
    printf("%d %d\n", failed, changed);
    return 0;
}
"#;

/// Rounds towards zero, asks for traps, which the emulator has not, and raises the flag of a
/// division by zero.
const AARCH64: &str = r#"
static unsigned long control(void) { unsigned long w; __asm__ volatile("mrs %0, fpcr" : "=r"(w)); return w; }
static unsigned long flags(void) { unsigned long w; __asm__ volatile("mrs %0, fpsr" : "=r"(w)); return w; }
int main(void) {
    fill();
    int changed = 0, failed = 0;
    for (int i = 0; i < 3; i++) {
        __asm__ volatile("msr fpcr, %0; msr fpsr, %1" :: "r"(0xc09f00ul), "r"(2ul));
        unsigned long before = control(), raised = flags();
        failed += pfp_net(x[i], m, v, arena);
        changed += control() != before || flags() != raised || raised != 2;
        __asm__ volatile("msr fpcr, %0" :: "r"(0ul));
    }
    printf("%d %d\n", failed, changed);
    return 0;
}
"#;

fn run(program: &str, options: &str, compiler: &str, emulator: &[&str]) {
    if !has(compiler) || emulator.first().is_some_and(|program| !has(program)) {
        return;
    }
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", safetensors(&net_parameters()));
    dir.write("caller.c", format!("{INPUTS}{program}"));
    dir.pfp(&format!("compile net.mlir --params net.safetensors {options}")).ok();
    let printed = run_c(&dir, compiler, emulator, &["-O1", "-static", "caller.c", "net.o"]);
    assert_eq!(printed, "0 0\n", "{options}: no call fails, none changes the environment");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn exceptions_that_the_caller_unmasked_do_not_trap() {
    for cpu in ["native", "x86-64", "x86-64-v3"] {
        if cpu != "x86-64-v3" || is_x86_feature_detected!("avx2") {
            run(X86_64, &format!("--cpu {cpu}"), "cc", &[]);
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn nor_in_the_threads_of_an_executor() {
    // Work enough for tasks.
    run(X86_64, "--threads 3 --batch 400", "cc", &[]);
}

#[test]
fn control_and_flags_are_put_back_on_aarch64() {
    for cpu in ["cortex-a53", "cortex-a76"] {
        let options = format!("--target aarch64-linux-gnu --cpu {cpu}");
        run(AARCH64, &options, "aarch64-linux-gnu-gcc", &["qemu-aarch64"]);
    }
}

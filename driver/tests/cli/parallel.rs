//! Tasks of one call, run by a C program.

use crate::fixture::{Dir, Tensor, has, run_c, safetensors};

/// Large enough that the images of the convolution and the outputs of the dense layer
/// are worth sharing.
const NET: &str = r#"func.func @net(%x: tensor<5x16x18x18xf32>) -> !gauss.tensor<5x400xf32> {
  %k = gauss.parameter "conv.weight" : !gauss.tensor<32x16x3x3xf32>
  %w = gauss.parameter "fc.weight" : !gauss.tensor<400x2048xf32>
  %c = gauss.conv2d %x, %k : (tensor<5x16x18x18xf32>, !gauss.tensor<32x16x3x3xf32>) -> !gauss.tensor<5x32x16x16xf32>
  %r = gauss.relu %c : (!gauss.tensor<5x32x16x16xf32>) -> !gauss.tensor<5x32x16x16xf32>
  %p = gauss.max_pool2d %r kernel [2, 2] strides [2, 2] : (!gauss.tensor<5x32x16x16xf32>) -> !gauss.tensor<5x32x8x8xf32>
  %f = gauss.flatten %p : (!gauss.tensor<5x32x8x8xf32>) -> !gauss.tensor<5x2048xf32>
  %y = gauss.dense %f, %w : (!gauss.tensor<5x2048xf32>, !gauss.tensor<400x2048xf32>) -> !gauss.tensor<5x400xf32>
  return %y : !gauss.tensor<5x400xf32>
}
"#;

/// Runs the network without and with an executor, which counts the tasks and runs them
/// backwards, or all at once where there are threads, and compares the bits.
const CALLER: &str = r#"
#include <stdio.h>
#include <string.h>
#include "net.h"
enum { MANY = PFP_NET_TASKS };
static _Alignas(PFP_NET_ARENA_ALIGN) char arena[PFP_NET_ARENA_BYTES];
static float input[PFP_NET_INPUT_ELEMENTS];
static float alone[2][PFP_NET_OUTPUT_ELEMENTS], shared[2][PFP_NET_OUTPUT_ELEMENTS];
struct call { void (*task)(void *, size_t); void *data; size_t index; };
#ifdef THREADS
#include <pthread.h>
static void *one(void *argument) {
    struct call *call = argument;
    call->task(call->data, call->index);
    return 0;
}
#endif
static void run(void *context, void (*task)(void *, size_t), void *data, size_t count) {
    int *seen = context;
    seen[0]++;
    if (count < 2 || count > MANY)
        seen[1]++;
#ifdef THREADS
    pthread_t threads[MANY];
    struct call calls[MANY];
    for (size_t i = 0; i < count; i++) {
        calls[i] = (struct call){task, data, i};
        pthread_create(&threads[i], 0, one, &calls[i]);
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], 0);
#else
    for (size_t i = count; i-- > 0;)
        task(data, i);
#endif
}
int main(void) {
    for (int i = 0; i < PFP_NET_INPUT_ELEMENTS; i++)
        input[i] = (i * 37 % 97) / 48.0f - 1;
    if (pfp_net(input, alone[0], alone[1], arena))
        return 1;
    int seen[2] = {0, 0};
    struct pfp_executor executor = {seen, run};
    for (int call = 0; call < 20; call++) {
        memset(shared, 0xff, sizeof shared);
        if (pfp_net_parallel(input, shared[0], shared[1], arena, &executor))
            return 2;
        if (memcmp(alone, shared, sizeof alone))
            return 3;
    }
    if (pfp_net_parallel(input, shared[0], shared[1], arena, 0) || memcmp(alone, shared, sizeof alone))
        return 4;
    printf("%d %d\n", seen[0] / 20, seen[1]);
    return 0;
}
"#;

fn parameters() -> Vec<u8> {
    let tensor = |name: &str, shape: &[usize], from: f32, step: f32| -> (String, Tensor) {
        let values = (0..shape.iter().product()).map(|i: usize| from + step * (i * 31 % 23) as f32);
        (name.to_owned(), (shape.to_vec(), values.collect()))
    };
    safetensors(
        &[
            tensor("conv.weight.mean", &[32, 16, 3, 3], -0.3, 0.03125),
            tensor("conv.weight.var", &[32, 16, 3, 3], 0.0, 0.001),
            tensor("fc.weight.mean", &[400, 2048], -0.1, 0.0078125),
            tensor("fc.weight.var", &[400, 2048], 0.0, 0.0001),
        ]
        .into(),
    )
}

fn run(target: &str, compiler: &str, emulator: &[&str]) {
    if !has(compiler) || emulator.first().is_some_and(|program| !has(program)) {
        return;
    }
    let dir = Dir::empty();
    dir.write("net.mlir", NET);
    dir.write("net.safetensors", parameters());
    dir.write("caller.c", CALLER);
    dir.pfp(&format!("compile net.mlir --params net.safetensors {target} --threads 3")).ok();
    let flags = ["-O1", "-static", "caller.c", "net.o"];
    let printed = run_c(&dir, compiler, emulator, &flags);
    assert_eq!(printed, "2 0\n", "two kernels are shared, by no more tasks than promised");
}

#[test]
fn a_c_program_runs_the_tasks_on_its_threads() {
    run("", "cc", &[]);
}

#[test]
fn the_order_of_tasks_does_not_matter_on_aarch64() {
    for cpu in ["cortex-a53", "cortex-a76"] {
        run(
            &format!("--target aarch64-linux-gnu --cpu {cpu}"),
            "aarch64-linux-gnu-gcc",
            &["qemu-aarch64"],
        );
    }
}

//! The bound on the stack of a call.

use crate::fixture::{Dir, run_c};

/// Calls the function, and one that does nothing with the same arguments, each on a painted stack,
/// and prints the deepest bytes that the first one changed beyond the second.
const CALLER: &str = r#"
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include "many.h"
enum { BYTES = 1 << 18 };
static _Alignas(64) unsigned char stack[BYTES], arena[PFP_MANY_ARENA_BYTES + 1];
static float b[8][1600];
typedef int function(const float *, const float *, const float *, const float *, float *, float *,
                     float *, float *, void *);
__attribute__((noinline)) static int nothing(const float *a, const float *b, const float *c,
                                             const float *d, float *e, float *f, float *g, float *h,
                                             void *i) {
    __asm__ volatile("");
    return 0;
}
static function *volatile called;
static void enter(void) { called(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], arena); }
static int depth(function *what) {
    ucontext_t back, there;
    memset(stack, 0xA5, BYTES);
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = BYTES;
    there.uc_link = &back;
    makecontext(&there, enter, 0);
    called = what;
    swapcontext(&back, &there);
    int untouched = 0;
    while (stack[untouched] == 0xA5)
        untouched++;
    return BYTES - untouched;
}
int main(void) {
    memset(b, 0x3f, sizeof b);
    /* The first is by itself: symbols are looked up at the first call. */
    depth(pfp_many);
    int own = depth(pfp_many) - depth(nothing);
    /* The return address is there both times. */
    printf("%d %d\n", own + 8, PFP_MANY_STACK_BYTES);
    return own + 8 <= PFP_MANY_STACK_BYTES ? 0 : 1;
}
"#;

/// Of the nine pointers three are on the stack, and go there again for the function within.
const MANY: &str = "func.func @many(%a: !gauss.tensor<1x40xf32>, %w: !gauss.tensor<40x40xf32>) \
      -> (!gauss.tensor<1x40xf32>, !gauss.tensor<1x40xf32>) {
  %0 = gauss.dense %a, %w : (!gauss.tensor<1x40xf32>, !gauss.tensor<40x40xf32>) -> !gauss.tensor<1x40xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x40xf32>) -> !gauss.tensor<1x40xf32>
  %2 = gauss.dense %1, %w : (!gauss.tensor<1x40xf32>, !gauss.tensor<40x40xf32>) -> !gauss.tensor<1x40xf32>
  return %1, %2 : !gauss.tensor<1x40xf32>, !gauss.tensor<1x40xf32>
}
";

#[test]
fn arguments_on_the_stack_count() {
    let dir = Dir::empty();
    dir.write("many.mlir", MANY);
    dir.write("caller.c", CALLER);
    for cpu in ["native", "x86-64"] {
        dir.pfp(&format!("compile many.mlir --cpu {cpu}")).ok();
        run_c(&dir, "cc", &[], &["-O1", "-static", "caller.c", "many.o"]);
    }
}

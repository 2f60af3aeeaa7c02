// On x86-64 denormal numbers count as zero while a network runs: bits 15 (FTZ) and 6
// (DAZ) of the control word are set before the call, and the word is put back after it.

// RUN: pfp-opt %s --gauss-c-interface=flush-denormals=true | FileCheck %s
// RUN: pfp-opt %s --gauss-c-interface=flush-denormals=false | FileCheck %s --check-prefix=OFF

// CHECK-LABEL: llvm.func @pfp_net
// Memory for the words, in the entry of the function: its frame has a fixed size.
// CHECK: %[[SAVED:.*]] = llvm.alloca
// CHECK: %[[CONTROL:.*]] = llvm.alloca
// CHECK: llvm.call_intrinsic "llvm.x86.sse.stmxcsr"(%[[SAVED]])
// CHECK: %[[WORD:.*]] = llvm.load %[[SAVED]]
// CHECK: %[[BITS:.*]] = llvm.mlir.constant(32832 : i32)
// CHECK: %[[FLUSHING:.*]] = llvm.or %[[WORD]], %[[BITS]]
// CHECK: llvm.store %[[FLUSHING]], %[[CONTROL]]
// CHECK: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"(%[[CONTROL]])
// CHECK-NEXT: llvm.call @net
// CHECK-NEXT: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"(%[[SAVED]])
// CHECK: llvm.return

// OFF-NOT: mxcsr
llvm.func @net(%x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// A task may run in a thread of the executor, which has a control word of its own.
// CHECK-LABEL: llvm.func internal @net.entry0
// CHECK: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"
// CHECK: llvm.call @net.task0
// CHECK: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"
llvm.func @net.dispatch0(!llvm.ptr, !llvm.ptr) attributes {gauss.dispatch = 2 : i64, sym_visibility = "private"}
llvm.func @net.task0(%data: !llvm.ptr, %task: i64) attributes {gauss.task = 1 : i64} {
  llvm.return
}

// Floating-point exceptions do not trap while a network runs, whatever the calling thread
// has unmasked, and its control word and flags are put back after the call. On x86-64 MXCSR
// is both: bits 7 to 12 mask the exceptions, and with flush-denormals bits 15 (FTZ) and 6
// (DAZ) make denormal numbers zero.

// RUN: pfp-opt %s --gauss-c-interface="float-control=x86-64 flush-denormals=true" | FileCheck %s -D#MASK=40896
// RUN: pfp-opt %s --gauss-c-interface=float-control=x86-64 | FileCheck %s -D#MASK=8064
// RUN: pfp-opt %s --gauss-c-interface=float-control=aarch64 | FileCheck %s --check-prefix=AARCH64
// RUN: pfp-opt %s --gauss-c-interface | FileCheck %s --check-prefix=OFF

// CHECK-LABEL: llvm.func @pfp_net
// Memory for the words, in the entry of the function: its frame has a fixed size.
// CHECK: %[[SAVED:.*]] = llvm.alloca
// CHECK: %[[CONTROL:.*]] = llvm.alloca
// CHECK: llvm.call_intrinsic "llvm.x86.sse.stmxcsr"(%[[SAVED]])
// CHECK: %[[WORD:.*]] = llvm.load %[[SAVED]]
// CHECK: %[[BITS:.*]] = llvm.mlir.constant([[#MASK]] : i32)
// CHECK: %[[CHANGED:.*]] = llvm.or %[[WORD]], %[[BITS]]
// CHECK: llvm.store %[[CHANGED]], %[[CONTROL]]
// CHECK: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"(%[[CONTROL]])
// CHECK-NEXT: llvm.call @net.network
// CHECK-NEXT: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"(%[[SAVED]])
// CHECK: llvm.return

// FPCR has bits that let exceptions trap: 8 to 12 and 15 are cleared. The flags are in FPSR.
// AARCH64-LABEL: llvm.func @pfp_net
// AARCH64: %[[CONTROL:.*]] = llvm.call_intrinsic "llvm.aarch64.get.fpcr"()
// AARCH64: %[[FLAGS:.*]] = llvm.call_intrinsic "llvm.aarch64.get.fpsr"()
// AARCH64: %[[BITS:.*]] = llvm.mlir.constant(-40705 : i64)
// AARCH64: %[[CHANGED:.*]] = llvm.and %[[CONTROL]], %[[BITS]]
// AARCH64: llvm.call_intrinsic "llvm.aarch64.set.fpcr"(%[[CHANGED]])
// AARCH64-NEXT: llvm.call @net.network
// AARCH64-NEXT: llvm.call_intrinsic "llvm.aarch64.set.fpcr"(%[[CONTROL]])
// AARCH64-NEXT: llvm.call_intrinsic "llvm.aarch64.set.fpsr"(%[[FLAGS]])
// AARCH64: llvm.return

// OFF-NOT: call_intrinsic
llvm.func @net(%x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// A task may run in a thread of the executor, which has a control word of its own.
// CHECK-LABEL: llvm.func internal @net.entry0
// CHECK: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"
// CHECK: llvm.call @net.task0
// CHECK: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"
// AARCH64-LABEL: llvm.func internal @net.entry0
// AARCH64: llvm.call_intrinsic "llvm.aarch64.set.fpcr"
// AARCH64: llvm.call @net.task0
// AARCH64: llvm.call_intrinsic "llvm.aarch64.set.fpcr"
llvm.func @net.dispatch0(!llvm.ptr, !llvm.ptr) attributes {gauss.dispatch = 2 : i64, sym_visibility = "private"}
llvm.func @net.task0(%data: !llvm.ptr, %task: i64) attributes {gauss.task = 1 : i64} {
  llvm.return
}

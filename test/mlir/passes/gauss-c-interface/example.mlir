// A lowered network is an LLVM function of pointers: inputs, results, arena. C
// sees `int pfp_<name>(..)`, which checks the pointers and calls it. Status 1 is a
// null pointer, 2 an arena that is not aligned to 64 bytes, 0 success.

// RUN: pfp-opt %s --gauss-c-interface | FileCheck %s

// CHECK-LABEL: llvm.func @pfp_net
// CHECK-SAME: (%[[X:.*]]: !llvm.ptr, %[[MEAN:.*]]: !llvm.ptr, %[[VARIANCE:.*]]: !llvm.ptr, %[[ARENA:.*]]: !llvm.ptr) -> i32
// The plan goes with what is seen from outside.
// CHECK-SAME: gauss.arena_bytes = 128 : i64, gauss.arena_plan = [array<i64: 0, 128, 1, 2>]
// CHECK-SAME: "nounwind"
// CHECK-DAG: %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK-DAG: llvm.icmp "eq" %[[X]], %[[NULL]]
// CHECK-DAG: llvm.icmp "eq" %[[MEAN]], %[[NULL]]
// CHECK-DAG: llvm.icmp "eq" %[[VARIANCE]], %[[NULL]]
// CHECK-DAG: llvm.icmp "eq" %[[ARENA]], %[[NULL]]
// CHECK: llvm.cond_br %{{.*}}, ^[[IS_NULL:.*]], ^[[NOT_NULL:.*]]
// CHECK: ^[[IS_NULL]]:
// CHECK-NEXT: %[[ONE:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.return %[[ONE]]
// CHECK: ^[[NOT_NULL]]:
// CHECK-NEXT: %[[ADDRESS:.*]] = llvm.ptrtoint %[[ARENA]]
// CHECK-NEXT: %[[MASK:.*]] = llvm.mlir.constant(63 : i64)
// CHECK-NEXT: llvm.and %[[ADDRESS]], %[[MASK]]
// CHECK: llvm.cond_br %{{.*}}, ^[[MISALIGNED:.*]], ^[[RUN:.*]]
// CHECK: ^[[MISALIGNED]]:
// CHECK-NEXT: %[[TWO:.*]] = llvm.mlir.constant(2 : i32)
// CHECK-NEXT: llvm.return %[[TWO]]
// CHECK: ^[[RUN]]:
// CHECK-NEXT: llvm.call @net.network(%[[X]], %[[MEAN]], %[[VARIANCE]], %[[ARENA]])
// CHECK-NEXT: %[[OK:.*]] = llvm.mlir.constant(0 : i32)
// CHECK-NEXT: llvm.return %[[OK]]

// Nobody else calls the network itself, and what has been checked is promised.
// CHECK: llvm.func internal @net.network(
// CHECK-SAME: !llvm.ptr {llvm.noalias, llvm.nocapture}, {{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias, llvm.nocapture})
// CHECK-NOT: gauss.arena
llvm.func @net(%x: !llvm.ptr, %mean: !llvm.ptr, %variance: !llvm.ptr, %arena: !llvm.ptr)
    attributes {gauss.arena_bytes = 128 : i64, gauss.arena_plan = [array<i64: 0, 128, 1, 2>]} {
  llvm.return
}

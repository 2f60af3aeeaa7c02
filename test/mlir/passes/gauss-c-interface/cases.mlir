// RUN: pfp-opt %s --gauss-c-interface=vector-bits=512 | FileCheck %s

// Vectors as wide as the kernels: LLVM would not use all of a 512-bit core by itself.
// CHECK-LABEL: llvm.func @pfp_wide
// CHECK-SAME: passthrough = ["nounwind", "noredzone", ["prefer-vector-width", "512"], ["min-legal-vector-width", "512"]]
// CHECK: llvm.func internal @wide.network
// CHECK-SAME: passthrough = ["noinline", "nounwind", "noredzone", ["prefer-vector-width", "512"], ["min-legal-vector-width", "512"]]
llvm.func @wide(%x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// An arena of no bytes may be null: two checks for three pointers.
// CHECK-LABEL: llvm.func @pfp_no_arena
// CHECK-COUNT-2: llvm.icmp "eq"
// CHECK-NOT: llvm.icmp "eq"
// CHECK: llvm.func internal @no_arena.network
llvm.func @no_arena(%x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 0 : i64} {
  llvm.return
}

// Several inputs and results.
// CHECK-LABEL: llvm.func @pfp__4in_2out
// CHECK-COUNT-7: llvm.icmp "eq"
// CHECK-NOT: llvm.icmp "eq"
// CHECK: llvm.func internal @_4in_2out.network
llvm.func @_4in_2out(%a: !llvm.ptr, %b: !llvm.ptr, %c: !llvm.ptr, %d: !llvm.ptr, %x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr)
    attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// LLVM keeps the signatures of the networks, and of nothing else.
// CHECK: llvm.mlir.global appending @llvm.compiler.used() {{.*}}section = "llvm.metadata"{{.*}} : !llvm.array<3 x ptr> {
// CHECK-COUNT-3: llvm.mlir.addressof @{{.*}}.network : !llvm.ptr
// CHECK-NOT: llvm.mlir.addressof
// CHECK: llvm.return

// A function without a planned arena is not a network.
// CHECK-NOT: @pfp_helper
// CHECK: llvm.func @helper(%{{.*}}: !llvm.ptr) {
llvm.func @helper(%x: !llvm.ptr) {
  llvm.return
}

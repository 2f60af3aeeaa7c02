// RUN: pfp-opt %s --gauss-c-interface -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --gauss-c-interface=prefix=pfp 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not pfp-opt %s --gauss-c-interface=float-control=sparc 2>&1 | FileCheck %s --check-prefix=CONTROL
// RUN: not pfp-opt %s --gauss-c-interface="float-control=aarch64 flush-denormals" 2>&1 | FileCheck %s --check-prefix=FLUSH

// OPTION: error: gauss-c-interface: no option 'prefix'; known: vector-bits, float-control, flush-denormals
// CONTROL: error: {{.*}}has no float-control 'sparc'; known: x86-64, aarch64
// FLUSH: error: {{.*}}cannot flush denormals without float-control=x86-64

// expected-error @+1 {{'llvm.func' op has the name 'my net', which C cannot call}}
llvm.func @"my net"(%x: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// -----

// expected-error @+1 {{'llvm.func' op has the name '2layers', which C cannot call}}
llvm.func @"2layers"(%x: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// -----

// expected-error @+1 {{'llvm.func' op has the name 'net.v2', which C cannot call}}
llvm.func @net.v2(%x: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}

// RUN: pfp-opt %s --gauss-c-interface -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --gauss-c-interface=prefix=pfp 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: gauss-c-interface: no option 'prefix'; known: vector-bits, flush-denormals

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

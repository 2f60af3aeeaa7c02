// Values at the edges: 0, infinities, NaN, the largest and the smallest results.

// RUN: pfp-opt %s --gauss-expand-math | mlir-opt --pass-pipeline='builtin.module( \
// RUN:     convert-vector-to-scf, convert-scf-to-cf, convert-vector-to-llvm, convert-math-to-llvm, \
// RUN:     convert-arith-to-llvm, convert-func-to-llvm, convert-cf-to-llvm, reconcile-unrealized-casts)' \
// RUN:   | mlir-runner -e main --entry-point-result=void --shared-libs=%{lib}/libmlir_c_runner_utils.so \
// RUN:   | FileCheck %s
// Without fused multiply-add.
// RUN: pfp-opt %s --gauss-expand-math=fma=false | mlir-opt --pass-pipeline='builtin.module( \
// RUN:     convert-vector-to-scf, convert-scf-to-cf, convert-vector-to-llvm, convert-math-to-llvm, \
// RUN:     convert-arith-to-llvm, convert-func-to-llvm, convert-cf-to-llvm, reconcile-unrealized-casts)' \
// RUN:   | mlir-runner -e main --entry-point-result=void --shared-libs=%{lib}/libmlir_c_runner_utils.so \
// RUN:   | FileCheck %s

func.func @exp(%x: vector<4xf32>) {
  %0 = math.exp %x : vector<4xf32>
  vector.print %0 : vector<4xf32>
  return
}

func.func @erf(%x: vector<4xf32>) {
  %0 = math.erf %x : vector<4xf32>
  vector.print %0 : vector<4xf32>
  return
}

func.func @sin(%x: vector<4xf32>) {
  %0 = math.sin %x : vector<4xf32>
  vector.print %0 : vector<4xf32>
  return
}

func.func @cos(%x: vector<4xf32>) {
  %0 = math.cos %x : vector<4xf32>
  vector.print %0 : vector<4xf32>
  return
}

func.func @main() {
  // 0, 1, -1, -10
  // CHECK: ( 1, 2.71828, 0.367879, 4.53999e-05 )
  %0 = arith.constant dense<[0.0, 1.0, -1.0, -10.0]> : vector<4xf32>
  call @exp(%0) : (vector<4xf32>) -> ()
  // Infinity, minus infinity, NaN, minus zero.
  // CHECK: ( inf, 0, {{-?}}nan, 1 )
  %1 = arith.constant dense<[0x7F800000, 0xFF800000, 0x7FC00000, -0.0]> : vector<4xf32>
  call @exp(%1) : (vector<4xf32>) -> ()
  // Just below and above the largest number, just above and below the smallest normal one.
  // CHECK: ( 3.4028{{[0-9]*}}e+38, inf, 1.1755{{[0-9]*}}e-38, 0 )
  %2 = arith.constant dense<[88.72283, 88.73, -87.33654, -87.34]> : vector<4xf32>
  call @exp(%2) : (vector<4xf32>) -> ()
  // Far outside, and a denormal number.
  // CHECK: ( inf, 0, 1, 1 )
  %3 = arith.constant dense<[3.0e38, -3.0e38, 1.0e-40, -1.0e-40]> : vector<4xf32>
  call @exp(%3) : (vector<4xf32>) -> ()
  // CHECK: ( 0, 0.842701, -0.842701, 0.0112834 )
  %4 = arith.constant dense<[0.0, 1.0, -1.0, 0.01]> : vector<4xf32>
  call @erf(%4) : (vector<4xf32>) -> ()
  // CHECK: ( 1, -1, {{-?}}nan, -0 )
  %5 = arith.constant dense<[0x7F800000, 0xFF800000, 0x7FC00000, -0.0]> : vector<4xf32>
  call @erf(%5) : (vector<4xf32>) -> ()
  // Around the change of formula at 1, and beyond the last that is not 1.
  // CHECK: ( 0.8427, 0.842701, 1, -1 )
  %6 = arith.constant dense<[0.999999, 1.000001, 4.0, -9.0]> : vector<4xf32>
  call @erf(%6) : (vector<4xf32>) -> ()
  // CHECK: ( 0.995322, -0.995322, 0.999978, 1.12838e-30 )
  %7 = arith.constant dense<[2.0, -2.0, 3.0, 1.0e-30]> : vector<4xf32>
  call @erf(%7) : (vector<4xf32>) -> ()
  // One of each quarter of the circle.
  // CHECK: ( 0.841471, 0.14112, -0.958924, -0.841471 )
  %8 = arith.constant dense<[1.0, 3.0, 5.0, -1.0]> : vector<4xf32>
  call @sin(%8) : (vector<4xf32>) -> ()
  // CHECK: ( 0.540302, -0.989992, 0.283662, 0.540302 )
  call @cos(%8) : (vector<4xf32>) -> ()
  // Infinity, minus infinity, NaN, minus zero.
  // CHECK: ( {{-?}}nan, {{-?}}nan, {{-?}}nan, {{-?}}0 )
  call @sin(%5) : (vector<4xf32>) -> ()
  // CHECK: ( {{-?}}nan, {{-?}}nan, {{-?}}nan, 1 )
  call @cos(%5) : (vector<4xf32>) -> ()
  // Where the parts of π/2 are exact in any arithmetic, and where floats tell no angle.
  // CHECK: ( -0.305614, 0.305614, 0, 0 )
  %9 = arith.constant dense<[10000.0, -10000.0, 1.0e7, -3.0e38]> : vector<4xf32>
  call @sin(%9) : (vector<4xf32>) -> ()
  return
}

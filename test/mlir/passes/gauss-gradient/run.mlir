// Known gradients, computed by stock MLIR from what the passes leave. A function without parameters calls
// the one that has them, from a file of its own.

// RUN: pfp-opt %s --gauss-to-gradient=loss=linear > %t
// RUN: (grep -v '^}$' %t; grep -v '^#' %S/Inputs/main.mlir; echo '}') \
// RUN:   | mlir-opt --pass-pipeline='builtin.module( \
// RUN:     one-shot-bufferize{bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map}, \
// RUN:     convert-linalg-to-loops, convert-scf-to-cf, expand-strided-metadata, lower-affine, \
// RUN:     convert-math-to-llvm, convert-math-to-libm, finalize-memref-to-llvm, convert-arith-to-llvm, \
// RUN:     convert-func-to-llvm, convert-cf-to-llvm, reconcile-unrealized-casts)' \
// RUN:   | mlir-runner -e main --entry-point-result=void \
// RUN:       --shared-libs=%{lib}/libmlir_c_runner_utils.so,%{lib}/libmlir_runner_utils.so \
// RUN:   | FileCheck %s

// One item with the inputs 3 and 1 ± 2; weights 2 ± 4 and 5 ± 1. Then a ReLU, whose mean is
// m·Φ(m/σ) + σ·φ(m/σ): it has the slope Φ(m/σ) along m, and φ(m/σ)/2σ along the variance.
func.func @net(%x: !gauss.tensor<1x2xf32>) -> !gauss.tensor<1x1xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<1x2xf32>
  %b = gauss.parameter "b" : tensor<1xf32>
  %y = gauss.dense %x, %w, %b : (!gauss.tensor<1x2xf32>, !gauss.tensor<1x2xf32>, tensor<1xf32>) -> !gauss.tensor<1x1xf32>
  %z = gauss.relu %y : (!gauss.tensor<1x1xf32>) -> !gauss.tensor<1x1xf32>
  return %z : !gauss.tensor<1x1xf32>
}

// The bias takes the mean of the sum, 11, to 0: m = 0. Its variance is 9·4 + (2 + 1)·1 + 2·25 = 89, and
// with σ = √89 the loss is σ/√(2π), the slope along m is ½, and that along the variance
// 1/(2σ√(2π)) = 0.0211440.
// CHECK: data =
// CHECK-NEXT: [3.76361]
// Of the means of the weights: x·½, and 2·w·(variance of x) times the slope along the variance: for
// the second 0.5 + 2·5·2·0.0211440.
// CHECK: data =
// CHECK-NEXT: {{\[\[}}1.5, 0.922878]]
// Of the variances: x² + its variance, 9 and 3, times 0.021144.
// CHECK: data =
// CHECK-NEXT: {{\[\[}}0.190295, 0.0634317]]
// CHECK: data =
// CHECK-NEXT: [0.5]

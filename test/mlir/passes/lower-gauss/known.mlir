// Sums over constants are constants; sums over what is not known are not.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s

// The means of the two columns of variances are 0.2 and 0.5.
// CHECK-LABEL: func.func @known
// CHECK-NOT: linalg
// CHECK: %[[C:.*]] = arith.constant dense<[2.000000e-01, 5.000000e-01]> : tensor<2xf32>
// CHECK-NEXT: return %[[C]]
func.func @known() -> tensor<2xf32> {
  %w = gauss.constant mean(dense<1.0> : tensor<2x2xf32>)
                      variance(dense<[[0.1, 0.7], [0.3, 0.3]]> : tensor<2x2xf32>) : !gauss.tensor<2x2xf32>
  %v = gauss.variance %w : !gauss.tensor<2x2xf32>
  %m = gauss.reduce_mean %v axes [0] keep_dims false : (tensor<2x2xf32>) -> tensor<2xf32>
  return %m : tensor<2xf32>
}

// CHECK-LABEL: func.func @unknown
// CHECK: linalg.generic
func.func @unknown(%w: !gauss.tensor<2x2xf32>) -> tensor<2xf32> {
  %v = gauss.variance %w : !gauss.tensor<2x2xf32>
  %m = gauss.reduce_mean %v axes [0] keep_dims false : (tensor<2x2xf32>) -> tensor<2xf32>
  return %m : tensor<2xf32>
}

// The maximum of numbers that an increasing function has changed is the function of their maximum: the pool may
// come first. A 2x2 pool then leaves a quarter of the ReLUs, and takes sums as Gaussian, not ReLUs of sums.

// RUN: pfp-opt %s --gauss-pool-first | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<?x3x4x4xf32>)
// CHECK-NEXT: %[[MAX:.*]] = gauss.max_pool2d %[[X]]
// CHECK-NEXT: %[[RELU:.*]] = gauss.relu %[[MAX]] : (!gauss.tensor<?x3x2x2xf32>)
// CHECK-NEXT: return %[[RELU]]
func.func @net(%x: !gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x2x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x4x4xf32>
  %1 = gauss.max_pool2d %0 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x2x2xf32>
  return %1 : !gauss.tensor<?x3x2x2xf32>
}

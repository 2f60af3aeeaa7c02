// Both branches of a residual block read the same correlated value.

// RUN: pfp-opt %s --gauss-track-covariance | FileCheck %s
// RUN: pfp-opt %s --gauss-track-covariance=nodes=5 | FileCheck %s
// RUN: pfp-opt %s --gauss-track-covariance=layers=2 | FileCheck %s --check-prefix=TWO
// RUN: pfp-opt %s --gauss-track-covariance --lower-gauss | FileCheck %s --check-prefix=LOWERED

// A sum of both has no mixture, as its rows would meet those of each other.
// CHECK-LABEL: func.func @block
// CHECK-NOT: scale_mixture
// CHECK: %[[X:.*]] = gauss.correlated %arg0
// CHECK-NEXT: %[[H:.*]] = gauss.dense %[[X]], %arg1
// CHECK-NEXT: %[[R:.*]] = gauss.relu %[[H]]
// CHECK-NEXT: %[[D:.*]] = gauss.dense %[[R]], %arg2
// CHECK-NEXT: %[[S:.*]] = gauss.add %[[X]], %[[D]] : (!gauss.tensor<1x4xf32, covariance>, !gauss.tensor<1x4xf32, covariance>)
// CHECK-NEXT: %[[Z:.*]] = gauss.dense %[[S]], %arg3
// CHECK-NEXT: gauss.softmax %[[Z]]

// Where the limit leaves out the first layer of the branch, its input is another value.
// TWO-LABEL: func.func @block
// TWO: gauss.dense %arg0
// TWO-NEXT: %[[R:.*]] = gauss.relu
// TWO-NEXT: %[[C:.*]] = gauss.correlated %[[R]]
// TWO-NEXT: %[[D:.*]] = gauss.dense %[[C]], %arg2
// TWO-NEXT: %[[S:.*]] = gauss.add %arg0, %[[D]] : (!gauss.tensor<1x4xf32>, !gauss.tensor<1x4xf32, covariance>)
// TWO-NEXT: gauss.dense %[[S]], %arg3

// LOWERED-LABEL: func.func @block
// LOWERED-NOT: gauss.
func.func @block(%x: !gauss.tensor<1x4xf32>, %u: !gauss.tensor<4x4xf32>, %v: !gauss.tensor<4x4xf32>,
                 %w: tensor<3x4xf32>) -> tensor<1x3xf32> {
  %0 = gauss.dense %x, %u : (!gauss.tensor<1x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<1x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<1x4xf32>
  %3 = gauss.add %x, %2 : (!gauss.tensor<1x4xf32>, !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %4 = gauss.dense %3, %w : (!gauss.tensor<1x4xf32>, tensor<3x4xf32>) -> !gauss.tensor<1x3xf32>
  %5 = gauss.softmax %4 method "mean-field" : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return %5 : tensor<1x3xf32>
}

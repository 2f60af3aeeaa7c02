// Two sums with the same uncertain weights: their covariance is a sum of products of what they read.

// RUN: pfp-opt %s --gauss-correlate-windows | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK: %[[Y:.*]] = gauss.conv1d %[[X:.*]], %[[W:.*]] : (tensor<?x2x8xf32>
// CHECK-NEXT: %[[S:.*]] = gauss.variance %[[W]]
// CHECK-NEXT: %[[A:.*]] = gauss.slice %[[X]] axis 2 size 7
// CHECK-NEXT: %[[B:.*]] = gauss.slice %[[X]] axis 2 start 1 size 7
// CHECK-NEXT: %[[Z:.*]] = gauss.mul %[[A]], %[[B]]
// CHECK-NEXT: %[[C:.*]] = gauss.conv1d %[[Z]], %[[S]] strides [2] : (tensor<?x2x7xf32>, tensor<4x2x3xf32>) -> tensor<?x4x3xf32>
// CHECK-NEXT: %[[M:.*]] = gauss.max_pool1d %[[Y]], %[[C]] kernel [2] strides [2]
// CHECK-NEXT: return %[[M]]
func.func @net(%x: tensor<?x2x8xf32>, %w: !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<?x4x3xf32> {
  %0 = gauss.conv1d %x, %w : (tensor<?x2x8xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<?x4x6xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<?x4x6xf32>) -> !gauss.tensor<?x4x3xf32>
  return %1 : !gauss.tensor<?x4x3xf32>
}

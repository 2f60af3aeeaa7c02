// The covariances of the only Gaussian result, where they are asked for.

// RUN: pfp-opt %s --gauss-track-covariance=returned=true | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK-SAME: -> (!gauss.tensor<?x3xf32>, tensor<?x3x3xf32>)
// CHECK: %[[Z:.*]] = gauss.dense %{{.*}} -> !gauss.tensor<?x3xf32, covariance>
// CHECK-NEXT: %[[M:.*]] = gauss.marginals %[[Z]]
// CHECK-NEXT: %[[C:.*]] = gauss.covariance %[[Z]]
// CHECK-NEXT: return %[[M]], %[[C]] : !gauss.tensor<?x3xf32>, tensor<?x3x3xf32>
func.func @net(%x: !gauss.tensor<?x4xf32>, %w: tensor<3x4xf32>) -> !gauss.tensor<?x3xf32> {
  %0 = gauss.dense %x, %w : (!gauss.tensor<?x4xf32>, tensor<3x4xf32>) -> !gauss.tensor<?x3xf32>
  return %0 : !gauss.tensor<?x3xf32>
}

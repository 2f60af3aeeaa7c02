// Logits of one dense layer on uncertain inputs share these: the softmax gets their covariances.

// RUN: pfp-opt %s --gauss-track-covariance | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK: %[[R:.*]] = gauss.relu
// CHECK-NEXT: %[[C:.*]] = gauss.correlated %[[R]] : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32, covariance>
// CHECK-NEXT: %[[Z:.*]] = gauss.dense %[[C]], %{{.*}} -> !gauss.tensor<?x3xf32, covariance>
// CHECK-NEXT: %[[P:.*]] = gauss.softmax %[[Z]] method "mean-field"
// CHECK-NEXT: return %[[P]]
func.func @net(%x: !gauss.tensor<?x4xf32>, %w: tensor<3x4xf32>) -> tensor<?x3xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = gauss.dense %0, %w : (!gauss.tensor<?x4xf32>, tensor<3x4xf32>) -> !gauss.tensor<?x3xf32>
  %2 = gauss.softmax %1 method "mean-field" : (!gauss.tensor<?x3xf32>) -> tensor<?x3xf32>
  return %2 : tensor<?x3xf32>
}

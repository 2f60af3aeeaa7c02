// From the prediction back to the first layer that the limits allow.

// RUN: pfp-opt %s --gauss-track-covariance | FileCheck %s --check-prefixes=ALL,FULL
// RUN: pfp-opt %s --gauss-track-covariance=layers=1 | FileCheck %s --check-prefixes=ALL,LAST
// RUN: pfp-opt %s --gauss-track-covariance=work=100 | FileCheck %s --check-prefixes=ALL,LAST
// RUN: pfp-opt %s --gauss-track-covariance=work=1 | FileCheck %s --check-prefixes=NONE

// The last layer costs 3·4 + 3·3·4 = 48 multiply-adds an item, the one before it 140 and ReLUs 16.
// The first dense layer reads numbers that are known: its outputs have weights of their own.
// ALL-LABEL: func.func @chain
// NONE-LABEL: func.func @chain
// ALL: gauss.dense %{{.*}} -> !gauss.tensor<1x5xf32>
// ALL-NEXT: %[[R:.*]] = gauss.relu %{{.*}} -> !gauss.tensor<1x5xf32>
// FULL-NEXT: %[[C:.*]] = gauss.correlated %[[R]]
// FULL-NEXT: gauss.dense %[[C]], %{{.*}} -> !gauss.tensor<1x4xf32, covariance>
// FULL-NEXT: gauss.relu %{{.*}} -> !gauss.tensor<1x4xf32, covariance>
// LAST-NEXT: gauss.dense %[[R]], %{{.*}} -> !gauss.tensor<1x4xf32>
// LAST-NEXT: %[[S:.*]] = gauss.relu %{{.*}} -> !gauss.tensor<1x4xf32>
// LAST-NEXT: %[[C:.*]] = gauss.correlated %[[S]]
// ALL-NEXT: %[[Z:.*]] = gauss.dense %{{.*}} -> !gauss.tensor<1x3xf32, covariance>
// ALL-NEXT: gauss.softmax %[[Z]] method "mean-field"
// ALL-NEXT: %[[M:.*]] = gauss.marginals %[[Z]]
// ALL-NEXT: return %[[M]]
// NONE-NOT: covariance
func.func @chain(%x: tensor<1x6xf32>, %u: !gauss.tensor<5x6xf32>, %v: tensor<4x5xf32>, %w: tensor<3x4xf32>)
    -> (!gauss.tensor<1x3xf32>, tensor<1x3xf32>) {
  %0 = gauss.dense %x, %u : (tensor<1x6xf32>, !gauss.tensor<5x6xf32>) -> !gauss.tensor<1x5xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x5xf32>) -> !gauss.tensor<1x5xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<1x5xf32>, tensor<4x5xf32>) -> !gauss.tensor<1x4xf32>
  %3 = gauss.relu %2 : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %4 = gauss.dense %3, %w : (!gauss.tensor<1x4xf32>, tensor<3x4xf32>) -> !gauss.tensor<1x3xf32>
  %5 = gauss.softmax %4 method "mean-field" : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return %4, %5 : !gauss.tensor<1x3xf32>, tensor<1x3xf32>
}

// A layer without a rule ends the path.
// ALL-LABEL: func.func @ends
// FULL: gauss.layer_norm
// FULL-NEXT: gauss.softmax
func.func @ends(%x: !gauss.tensor<1x4xf32>, %w: tensor<3x4xf32>) -> tensor<1x3xf32> {
  %0 = gauss.dense %x, %w : (!gauss.tensor<1x4xf32>, tensor<3x4xf32>) -> !gauss.tensor<1x3xf32>
  %1 = gauss.layer_norm %0 dimensions 1 : (!gauss.tensor<1x3xf32>) -> !gauss.tensor<1x3xf32>
  %2 = gauss.softmax %1 method "mean-field" : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return %2 : tensor<1x3xf32>
}

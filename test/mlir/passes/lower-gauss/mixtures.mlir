// Mixtures are written out as rows of a fixed batch.

// RUN: not pfp-opt %s --lower-gauss 2>&1 | FileCheck %s --check-prefix=DYNAMIC
// RUN: pfp-opt %s --gauss-set-batch=n=2 --lower-gauss | FileCheck %s --implicit-check-not=gauss.

// DYNAMIC: error: 'gauss.scale_mixture' op needs a batch that is fixed: --gauss-set-batch
// CHECK-LABEL: func.func @net
// CHECK-SAME: tensor<2x5x4x4xf32>
func.func @net(%x: !gauss.tensor<?x6xf32>, %v: !gauss.tensor<4x6xf32>, %b: tensor<4xf32>)
    -> (!gauss.tensor<?x4xf32>, tensor<?x5x4x4xf32>, tensor<?x4xf32>) {
  %0 = gauss.scale_mixture %x, %x, %v, %b nodes 5 groups 2
    : (!gauss.tensor<?x6xf32>, !gauss.tensor<?x6xf32>, !gauss.tensor<4x6xf32>, tensor<4xf32>) -> !gauss.tensor<?x4xf32, covariance<5>>
  %1 = gauss.tanh %0 : (!gauss.tensor<?x4xf32, covariance<5>>) -> !gauss.tensor<?x4xf32, covariance<5>>
  %2 = gauss.marginals %1 : (!gauss.tensor<?x4xf32, covariance<5>>) -> !gauss.tensor<?x4xf32>
  %3 = gauss.covariance %1 of_nodes true : (!gauss.tensor<?x4xf32, covariance<5>>) -> tensor<?x5x4x4xf32>
  %4 = gauss.softmax %1 method "laplace" : (!gauss.tensor<?x4xf32, covariance<5>>) -> tensor<?x4xf32>
  return %2, %3, %4 : !gauss.tensor<?x4xf32>, tensor<?x5x4x4xf32>, tensor<?x4xf32>
}

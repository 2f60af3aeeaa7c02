// The first dense layer with uncertain inputs and weights becomes a mixture, where the limits have room for its rows.

// RUN: pfp-opt %s --gauss-track-covariance=nodes=5 | FileCheck %s --check-prefixes=ALL,FULL
// RUN: pfp-opt %s --gauss-track-covariance="nodes=5 layers=1" | FileCheck %s --check-prefixes=ALL,LAST
// RUN: pfp-opt %s --gauss-track-covariance="nodes=5 work=600" | FileCheck %s --check-prefixes=ALL,LAST
// RUN: pfp-opt %s --gauss-track-covariance="nodes=5 work=80" | FileCheck %s --check-prefix=PLAIN
// RUN: pfp-opt %s --gauss-track-covariance="nodes=5 work=10" | FileCheck %s --check-prefix=NONE
// RUN: pfp-opt %s --gauss-set-batch=n=2 --gauss-track-covariance=nodes=5 --lower-gauss | FileCheck %s --check-prefix=LOWERED

// The layer between counts its elements as independent at each node where covariances begin behind it.
// ALL-LABEL: func.func @chain
// ALL: %[[Z:.*]] = gauss.dense %{{.*}} -> !gauss.tensor<?x6xf32>
// ALL-NEXT: %[[A:.*]] = gauss.relu %[[Z]]
// ALL-NEXT: %[[M:.*]] = gauss.scale_mixture %[[A]], %[[Z]], %{{.*}} nodes 5 groups 6 rectified true {{.*}} -> !gauss.tensor<?x5xf32, covariance<5>>
// ALL-NEXT: %[[R:.*]] = gauss.relu %[[M]] : {{.*}} -> !gauss.tensor<?x5xf32, covariance<5>>
// FULL-NEXT: gauss.dense %[[R]]
// LAST-NEXT: %[[C:.*]] = gauss.correlated %[[R]] : (!gauss.tensor<?x5xf32, covariance<5>>) -> !gauss.tensor<?x5xf32, covariance<5>>
// LAST-NEXT: gauss.dense %[[C]]
// ALL-NEXT: gauss.softmax
// PLAIN-LABEL: func.func @chain
// PLAIN-NOT: gauss.scale_mixture
// PLAIN: gauss.softmax %{{.*}} : (!gauss.tensor<?x3xf32, covariance>)
// NONE-NOT: covariance
// LOWERED-NOT: gauss.
func.func @chain(%x: tensor<?x6xf32>, %u: !gauss.tensor<6x6xf32>, %v: !gauss.tensor<5x6xf32>, %w: tensor<3x5xf32>)
    -> tensor<?x3xf32> {
  %0 = gauss.dense %x, %u : (tensor<?x6xf32>, !gauss.tensor<6x6xf32>) -> !gauss.tensor<?x6xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x6xf32>) -> !gauss.tensor<?x6xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<?x6xf32>, !gauss.tensor<5x6xf32>) -> !gauss.tensor<?x5xf32>
  %3 = gauss.relu %2 : (!gauss.tensor<?x5xf32>) -> !gauss.tensor<?x5xf32>
  %4 = gauss.dense %3, %w : (!gauss.tensor<?x5xf32>, tensor<3x5xf32>) -> !gauss.tensor<?x3xf32>
  %5 = gauss.softmax %4 method "mean-field" : (!gauss.tensor<?x3xf32>) -> tensor<?x3xf32>
  return %5 : tensor<?x3xf32>
}

// A mixture behind a flattened image.

// RUN: pfp-opt %s --gauss-track-covariance=nodes=5 | FileCheck %s
// RUN: pfp-opt %s --gauss-track-covariance="nodes=3 returned=nodes" | FileCheck %s --check-prefix=NODES

// The positions of a channel are a group. The activation is found through the flatten.
// CHECK-LABEL: func.func @image
// CHECK-SAME: %[[X:.*]]: !gauss.tensor<?x2x3x3xf32>
// CHECK: %[[F:.*]] = gauss.flatten
// CHECK: %[[Z:.*]] = gauss.reshape %[[X]] : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x18xf32>
// CHECK: %[[M:.*]] = gauss.scale_mixture %[[F]], %[[Z]], %{{.*}} nodes 5 groups 2 rectified true
// The logits of two layers have a scale of their own at each node.
// CHECK-NEXT: gauss.scale_mixture %[[M]], %[[M]], %{{.*}} nodes 3 groups 5 : {{.*}} -> !gauss.tensor<?x3xf32, covariance<15>>
// NODES-LABEL: func.func @image
// NODES-SAME: -> (!gauss.tensor<?x3xf32>, !gauss.tensor<?x9x3xf32>, tensor<?x9x3x3xf32>)
// NODES: %[[N:.*]] = gauss.nodes %[[L:.*]] : (!gauss.tensor<?x3xf32, covariance<9>>) -> !gauss.tensor<?x9x3xf32>
// NODES: %[[C:.*]] = gauss.covariance %[[L]] of_nodes true
// NODES: return %{{.*}}, %[[N]], %[[C]]
func.func @image(%x: !gauss.tensor<?x2x3x3xf32>, %v: !gauss.tensor<5x18xf32>, %w: !gauss.tensor<3x5xf32>)
    -> !gauss.tensor<?x3xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x2x3x3xf32>
  %1 = gauss.flatten %0 : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x18xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<?x18xf32>, !gauss.tensor<5x18xf32>) -> !gauss.tensor<?x5xf32>
  %3 = gauss.dense %2, %w : (!gauss.tensor<?x5xf32>, !gauss.tensor<3x5xf32>) -> !gauss.tensor<?x3xf32>
  %4 = gauss.softmax %3 method "mean-field" : (!gauss.tensor<?x3xf32>) -> tensor<?x3xf32>
  return %3 : !gauss.tensor<?x3xf32>
}

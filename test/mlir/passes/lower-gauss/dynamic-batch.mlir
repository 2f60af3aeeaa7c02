// A batch that is not fixed is the size of the input: every tensor that a layer
// makes takes its leading dimension from there.

// RUN: pfp-opt %s --lower-gauss --canonicalize --cse | FileCheck %s --implicit-check-not=gauss

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: tensor<?x1x4x4xf32>, %{{.*}}: tensor<3x12xf32>, %{{.*}}: tensor<3x12xf32>, %{{.*}}: tensor<3x1x3x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
// CHECK: %[[BATCH:.*]] = tensor.dim %[[X]], %c0 : tensor<?x1x4x4xf32>
// CHECK: tensor.empty(%[[BATCH]]) : tensor<?x1x6x6xf32>
// CHECK: tensor.insert_slice %[[X]] into %{{.*}}[0, 0, 1, 1] [%[[BATCH]], 1, 4, 4] [1, 1, 1, 1]
// CHECK: tensor.empty(%{{.*}}) : tensor<?x3x4x4xf32>
// CHECK: tensor.empty(%{{.*}}) : tensor<?x3x2x2xf32>
// CHECK: tensor.collapse_shape {{.*}} {{\[}}[0], [1, 2, 3]] : tensor<?x3x2x2xf32> into tensor<?x12xf32>
// CHECK: tensor.empty(%{{.*}}) : tensor<?x3xf32>
func.func @net(%x: tensor<?x1x4x4xf32>, %w: !gauss.tensor<3x12xf32>, %k: tensor<3x1x3x3xf32>)
    -> !gauss.tensor<?x3xf32> {
  %0 = gauss.conv2d %x, %k padding [1, 1, 1, 1] : (tensor<?x1x4x4xf32>, tensor<3x1x3x3xf32>) -> tensor<?x3x4x4xf32>
  %1 = gauss.relu %0 : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2] : (tensor<?x3x4x4xf32>) -> tensor<?x3x2x2xf32>
  %3 = gauss.flatten %2 : (tensor<?x3x2x2xf32>) -> tensor<?x12xf32>
  %4 = gauss.dense %3, %w : (tensor<?x12xf32>, !gauss.tensor<3x12xf32>) -> !gauss.tensor<?x3xf32>
  return %4 : !gauss.tensor<?x3xf32>
}

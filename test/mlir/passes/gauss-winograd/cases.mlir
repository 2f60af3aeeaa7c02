// RUN: pfp-opt %s --gauss-to-linalg --gauss-winograd --split-input-file | FileCheck %s

// A layer without variances has no sum but that of the mean.
// CHECK-LABEL: func.func @mean_only
// CHECK: dense_resource<winograd> : tensor<16x8x8xf32>
// CHECK-NOT: tensor<8x8x3x3xf32>
// CHECK-COUNT-1: math.fma
// CHECK-NOT: math.fma
// CHECK: return
func.func @mean_only(%x: tensor<1x8x6x6xf32>) -> tensor<1x8x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<1x8x6x6xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x4x4xf32>
  return %0 : tensor<1x8x4x4xf32>
}

// -----

// What the variance alone still needs: not the means of the weights.
// CHECK-LABEL: func.func @exact_input
// CHECK: %[[S:.*]] = arith.constant dense<2.500000e-01> : tensor<8x8x3x3xf32>
// CHECK: dense_resource<winograd>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[S]] : tensor<1x8x6x6xf32>, tensor<8x8x3x3xf32>)
// CHECK: return
func.func @exact_input(%x: tensor<1x8x6x6xf32>) -> !gauss.tensor<1x8x4x4xf32> {
  %w = gauss.constant mean(dense<0.5> : tensor<8x8x3x3xf32>) variance(dense<0.25> : tensor<8x8x3x3xf32>) : !gauss.tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<1x8x6x6xf32>, !gauss.tensor<8x8x3x3xf32>) -> !gauss.tensor<1x8x4x4xf32>
  return %0 : !gauss.tensor<1x8x4x4xf32>
}

// -----

// The variance of the bias is that of the result where nothing else has one.
// CHECK-LABEL: func.func @gaussian_bias
// CHECK: %[[V:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<8xf32>)
// CHECK: return %{{.*}}, %[[V]]
func.func @gaussian_bias(%x: tensor<1x8x6x6xf32>, %b: !gauss.tensor<8xf32>) -> !gauss.tensor<1x8x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w, %b : (tensor<1x8x6x6xf32>, tensor<8x8x3x3xf32>, !gauss.tensor<8xf32>) -> !gauss.tensor<1x8x4x4xf32>
  return %0 : !gauss.tensor<1x8x4x4xf32>
}

// -----

// Uses of a weight count over the items of a batch.
// CHECK-LABEL: func.func @batch
// CHECK: dense_resource<winograd>
func.func @batch(%x: tensor<4x8x4x4xf32>) -> tensor<4x8x2x2xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<4x8x4x4xf32>, tensor<8x8x3x3xf32>) -> tensor<4x8x2x2xf32>
  return %0 : tensor<4x8x2x2xf32>
}

// -----

// The last of five columns has a tile half of which is outside: the padding is made wider.
// CHECK-LABEL: func.func @odd_and_padded
// CHECK-SAME: (%[[X:.*]]: tensor<1x8x4x5xf32>)
// CHECK-NOT: into tensor<1x8x6x7xf32>
// CHECK: %[[PADDED:.*]] = tensor.insert_slice %[[X]] into %{{.*}}[0, 0, 1, 1] [1, 8, 4, 5] [1, 1, 1, 1] : tensor<1x8x4x5xf32> into tensor<1x8x6x8xf32>
// CHECK: bufferization.to_buffer %[[PADDED]]
// CHECK: memref.alloc() : memref<1x16x8x2x3xf32>
// CHECK: %[[MEANS:.*]] = bufferization.to_tensor %{{.*}} : memref<1x8x4x6xf32> to tensor<1x8x4x6xf32>
// CHECK: tensor.extract_slice %[[MEANS]][0, 0, 0, 0] [1, 8, 4, 5] [1, 1, 1, 1]
// CHECK-NOT: into tensor<1x8x6x7xf32>
// CHECK: return
func.func @odd_and_padded(%x: tensor<1x8x4x5xf32>) -> tensor<1x8x4x5xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w padding [1, 1, 1, 1] : (tensor<1x8x4x5xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x4x5xf32>
  return %0 : tensor<1x8x4x5xf32>
}

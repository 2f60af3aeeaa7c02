// RUN: pfp-opt %s --gauss-to-linalg --gauss-winograd --split-input-file | FileCheck %s --implicit-check-not winograd

// Too few channels to pay for the transformation of the outputs.
// CHECK-LABEL: func.func @few_channels
func.func @few_channels(%x: tensor<1x7x6x6xf32>) -> tensor<1x8x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x7x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<1x7x6x6xf32>, tensor<8x7x3x3xf32>) -> tensor<1x8x4x4xf32>
  return %0 : tensor<1x8x4x4xf32>
}

// -----

// Too few outputs for each weight, which is longer to read.
// CHECK-LABEL: func.func @few_uses
func.func @few_uses(%x: tensor<3x8x4x4xf32>) -> tensor<3x8x2x2xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<3x8x4x4xf32>, tensor<8x8x3x3xf32>) -> tensor<3x8x2x2xf32>
  return %0 : tensor<3x8x2x2xf32>
}

// -----

// Five rows are no tiles of two, and there is no padding that could be made wider.
// CHECK-LABEL: func.func @odd
func.func @odd(%x: tensor<1x8x7x6xf32>) -> tensor<1x8x5x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<1x8x7x6xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x5x4xf32>
  return %0 : tensor<1x8x5x4xf32>
}

// -----

// A kernel that is not known cannot be transformed.
// CHECK-LABEL: func.func @unknown
func.func @unknown(%x: tensor<1x8x6x6xf32>, %w: tensor<8x8x3x3xf32>) -> tensor<1x8x4x4xf32> {
  %0 = gauss.conv2d %x, %w : (tensor<1x8x6x6xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x4x4xf32>
  return %0 : tensor<1x8x4x4xf32>
}

// -----

// Pixels between the windows, or inside of them, belong to no tile.
// CHECK-LABEL: func.func @strides
func.func @strides(%x: tensor<1x8x9x9xf32>) -> tensor<1x8x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w strides [2, 2] : (tensor<1x8x9x9xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x4x4xf32>
  return %0 : tensor<1x8x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @dilation
func.func @dilation(%x: tensor<1x8x8x8xf32>) -> tensor<1x8x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w dilation [2, 2] : (tensor<1x8x8x8xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x4x4xf32>
  return %0 : tensor<1x8x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @other_kernels
func.func @other_kernels(%x: tensor<1x8x6x6xf32>) -> (tensor<1x8x6x4xf32>, tensor<1x8x2x2xf32>, tensor<1x16x4x4xf32>) {
  %w = arith.constant dense<0.5> : tensor<8x8x1x3xf32>
  %v = arith.constant dense<0.5> : tensor<8x8x5x5xf32>
  %u = arith.constant dense<0.5> : tensor<16x4x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<1x8x6x6xf32>, tensor<8x8x1x3xf32>) -> tensor<1x8x6x4xf32>
  %1 = gauss.conv2d %x, %v : (tensor<1x8x6x6xf32>, tensor<8x8x5x5xf32>) -> tensor<1x8x2x2xf32>
  %2 = gauss.conv2d %x, %u groups 2 : (tensor<1x8x6x6xf32>, tensor<16x4x3x3xf32>) -> tensor<1x16x4x4xf32>
  return %0, %1, %2 : tensor<1x8x6x4xf32>, tensor<1x8x2x2xf32>, tensor<1x16x4x4xf32>
}

// -----

// How often a weight is used is not known.
// CHECK-LABEL: func.func @any_batch
func.func @any_batch(%x: tensor<?x8x6x6xf32>) -> tensor<?x8x4x4xf32> {
  %w = arith.constant dense<0.5> : tensor<8x8x3x3xf32>
  %0 = gauss.conv2d %x, %w : (tensor<?x8x6x6xf32>, tensor<8x8x3x3xf32>) -> tensor<?x8x4x4xf32>
  return %0 : tensor<?x8x4x4xf32>
}

// -----

// A result with its channels last is not what the tiles give.
// CHECK-LABEL: func.func @channels_last
#image = affine_map<(n, o, y, x, c, i, j) -> (n, c, y + i, x + j)>
#kernel = affine_map<(n, o, y, x, c, i, j) -> (o, c, i, j)>
#result = affine_map<(n, o, y, x, c, i, j) -> (n, y, x, o)>
#all = affine_map<(n, y, x, o) -> (n, y, x, o)>
func.func @channels_last(%m: tensor<1x8x10x10xf32>) -> tensor<1x8x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<2.0> : tensor<8x8x3x3xf32>
  %empty = tensor.empty() : tensor<1x8x8x8xf32>
  %start = linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      outs(%empty : tensor<1x8x8x8xf32>) {
  ^bb0(%out: f32):
    linalg.yield %zero : f32
  } -> tensor<1x8x8x8xf32>
  %0 = linalg.generic {indexing_maps = [#image, #kernel, #result],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%m, %w : tensor<1x8x10x10xf32>, tensor<8x8x3x3xf32>) outs(%start : tensor<1x8x8x8xf32>) {
  ^bb0(%x: f32, %weight: f32, %sum: f32):
    %1 = math.fma %x, %weight, %sum : f32
    linalg.yield %1 : f32
  } -> tensor<1x8x8x8xf32>
  return %0 : tensor<1x8x8x8xf32>
}

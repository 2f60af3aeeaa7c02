// A convolution with a 3x3 kernel multiplies each pixel by nine weights. For means there is a
// shorter way: tiles of 4x4 pixels and the kernel are transformed to 16 numbers each, whose
// products, summed over the channels, are transformed to 2x2 outputs. The variance keeps its
// sum, in which nothing is negative.

// RUN: pfp-opt %s --gauss-winograd=channels=2 | FileCheck %s

#image = affine_map<(n, o, y, x, c, i, j) -> (n, c, y + i, x + j)>
#kernel = affine_map<(n, o, y, x, c, i, j) -> (o, c, i, j)>
#result = affine_map<(n, o, y, x, c, i, j) -> (n, o, y, x)>
#all = affine_map<(n, o, y, x) -> (n, o, y, x)>
#channel = affine_map<(n, o, y, x) -> (o)>

// CHECK-LABEL: func.func @conv
// CHECK-SAME: (%[[M:.*]]: tensor<1x2x6x6xf32>, %[[V:.*]]: tensor<1x2x6x6xf32>, %[[B:.*]]: tensor<3xf32>, %[[START:.*]]: tensor<1x3x4x4xf32>)
func.func @conv(%m: tensor<1x2x6x6xf32>, %v: tensor<1x2x6x6xf32>, %b: tensor<3xf32>,
                %start: tensor<1x3x4x4xf32>) -> (tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>) {
  %w = arith.constant dense<2.0> : tensor<3x2x3x3xf32>
  %s = arith.constant dense<0.5> : tensor<3x2x3x3xf32>
  // CHECK: %[[S:.*]] = arith.constant dense<5.000000e-01> : tensor<3x2x3x3xf32>
  %empty = tensor.empty() : tensor<1x3x4x4xf32>
  %bias = linalg.generic {indexing_maps = [#channel, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%b : tensor<3xf32>) outs(%empty : tensor<1x3x4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<1x3x4x4xf32>

  // The four tiles of the image, 16 numbers for each and for each channel.
  // CHECK: %[[IMAGE:.*]] = bufferization.to_buffer %[[M]]
  // CHECK: %[[TILES:.*]] = memref.alloc() : memref<1x16x2x2x2xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[IMAGE]], {{.*}} outs(%[[TILES]],
  // CHECK-COUNT-32: arith.{{add|sub}}f
  // CHECK: %[[INPUT:.*]] = bufferization.to_tensor %[[TILES]]

  // Their products with the transformed kernel, summed over the channels.
  // CHECK: %[[KERNEL:.*]] = arith.constant dense_resource<winograd> : tensor<16x3x2xf32>
  // CHECK: %[[SUMS:.*]] = linalg.generic {{.*}} ins(%[[INPUT]], %[[KERNEL]] :
  // CHECK: math.fma

  // The means.
  // CHECK: %[[READ:.*]] = bufferization.to_buffer %[[SUMS]]
  // CHECK: %[[MEANS:.*]] = memref.alloc() : memref<1x3x4x4xf32>
  // CHECK: %[[BIAS:.*]] = bufferization.to_buffer %[[B]]
  // CHECK: linalg.generic {{.*}} ins(%[[READ]], {{.*}}, %[[BIAS]] : {{.*}} outs(%[[MEANS]],
  // CHECK: %[[MEAN:.*]] = bufferization.to_tensor %[[MEANS]]

  // CHECK: %[[VARIANCE:.*]] = linalg.generic {{.*}} ins(%[[V]], %[[S]] : {{.*}} outs(%[[START]] :
  // CHECK: math.fma
  // CHECK-NOT: math.fma
  // CHECK: return %[[MEAN]], %[[VARIANCE]]
  %0:2 = linalg.generic {indexing_maps = [#image, #image, #kernel, #kernel, #result, #result],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%m, %v, %w, %s : tensor<1x2x6x6xf32>, tensor<1x2x6x6xf32>, tensor<3x2x3x3xf32>, tensor<3x2x3x3xf32>)
      outs(%bias, %start : tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>) {
  ^bb0(%x: f32, %xv: f32, %wm: f32, %wv: f32, %mean: f32, %variance: f32):
    %1 = math.fma %x, %wm, %mean : f32
    %2 = math.fma %xv, %wv, %variance : f32
    linalg.yield %1, %2 : f32, f32
  } -> (tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>)
  return %0#0, %0#1 : tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>
}

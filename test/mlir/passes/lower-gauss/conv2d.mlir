// A convolution is a contraction over the window: one linalg.generic whose input
// map steps by the strides and the dilation. Padding is written around the input
// first. The moments are those of the dense layer.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// n, o, y, x; c, i, j
// CHECK-DAG: #[[PLAIN:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-DAG: #[[STEPS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 * 2 + d5, d3 * 3 + d6 * 4)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// n, g, o, y, x; c, i, j
// CHECK-DAG: #[[GROUPS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d5, d3 + d6, d4 + d7)>
// CHECK-DAG: #[[GROUPED_WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d5, d6, d7)>
// CHECK-DAG: #[[GROUPED_OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d3, d4)>
// n, c, y, x; i, j
// CHECK-DAG: #[[DEPTHWISE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2 + d4, d3 + d5)>
// CHECK-DAG: #[[DEPTHWISE_WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, 0, d4, d5)>
// CHECK-DAG: #[[DEPTHWISE_OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)>

// CHECK-LABEL: func.func @deterministic
// CHECK: linalg.generic {indexing_maps = [#[[PLAIN]], #[[WEIGHT]], #[[OUT]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32):
// CHECK-NEXT: %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT: linalg.yield %[[M1]] : f32
func.func @deterministic(%x: tensor<1x2x5x5xf32>, %w: tensor<4x2x3x3xf32>) -> tensor<1x4x3x3xf32> {
  %0 = gauss.conv2d %x, %w : (tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x3x3xf32>
  return %0 : tensor<1x4x3x3xf32>
}

// CHECK-LABEL: func.func @gaussian
// CHECK: linalg.generic {indexing_maps = [#[[PLAIN]], #[[PLAIN]], #[[WEIGHT]], #[[WEIGHT]], #[[OUT]], #[[OUT]]],
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT: %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT: %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT: %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT: %[[WW:.*]] = math.fma %[[W]], %[[W]], %[[S]] : f32
// CHECK-NEXT: %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C1]] : f32
// CHECK-NEXT: linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian(%x: !gauss.tensor<1x2x5x5xf32>, %w: !gauss.tensor<4x2x3x3xf32>, %b: !gauss.tensor<4xf32>) -> !gauss.tensor<1x4x3x3xf32> {
  %0 = gauss.conv2d %x, %w, %b : (!gauss.tensor<1x2x5x5xf32>, !gauss.tensor<4x2x3x3xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<1x4x3x3xf32>
  return %0 : !gauss.tensor<1x4x3x3xf32>
}

// Padding is 0 ± 0: both components get zeros around them, 1 at the top, 2 at the
// left, 3 at the bottom, none at the right.
// CHECK-LABEL: func.func @asymmetric
// CHECK-SAME: (%[[MEAN:.*]]: tensor<1x2x9x9xf32>, %[[VARIANCE:.*]]: tensor<1x2x9x9xf32>, %{{.*}}: tensor<4x2x3x2xf32>)
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: linalg.yield %[[ZERO]]
// CHECK: %[[PM:.*]] = tensor.insert_slice %[[MEAN]] into %{{.*}}[0, 0, 1, 2] [1, 2, 9, 9] [1, 1, 1, 1] : tensor<1x2x9x9xf32> into tensor<1x2x13x11xf32>
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: linalg.yield %[[ZERO]]
// CHECK: %[[PV:.*]] = tensor.insert_slice %[[VARIANCE]] into %{{.*}}[0, 0, 1, 2] [1, 2, 9, 9] [1, 1, 1, 1] : tensor<1x2x9x9xf32> into tensor<1x2x13x11xf32>
// CHECK: linalg.generic {indexing_maps = [#[[STEPS]], #[[STEPS]], #[[WEIGHT]], #[[OUT]], #[[OUT]]],
// CHECK-SAME: ins(%[[PM]], %[[PV]], %{{.*}} :
func.func @asymmetric(%x: !gauss.tensor<1x2x9x9xf32>, %w: tensor<4x2x3x2xf32>) -> !gauss.tensor<1x4x6x3xf32> {
  %0 = gauss.conv2d %x, %w strides [2, 3] padding [1, 2, 3, 0] dilation [1, 4]
    : (!gauss.tensor<1x2x9x9xf32>, tensor<4x2x3x2xf32>) -> !gauss.tensor<1x4x6x3xf32>
  return %0 : !gauss.tensor<1x4x6x3xf32>
}

// Groups are one more dimension of input, weight and result.
// CHECK-LABEL: func.func @groups
// CHECK-DAG: tensor.expand_shape {{.*}} into tensor<1x2x2x5x5xf32>
// CHECK-DAG: tensor.expand_shape {{.*}} into tensor<2x3x2x3x3xf32>
// CHECK: linalg.generic {indexing_maps = [#[[GROUPS]], #[[GROUPS]], #[[GROUPED_WEIGHT]], #[[GROUPED_WEIGHT]], #[[GROUPED_OUT]], #[[GROUPED_OUT]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
// CHECK-SAME: outs({{.*}} : tensor<1x2x3x3x3xf32>, tensor<1x2x3x3x3xf32>)
func.func @groups(%x: !gauss.tensor<1x4x5x5xf32>, %w: !gauss.tensor<6x2x3x3xf32>) -> !gauss.tensor<1x6x3x3xf32> {
  %0 = gauss.conv2d %x, %w groups 2 : (!gauss.tensor<1x4x5x5xf32>, !gauss.tensor<6x2x3x3xf32>) -> !gauss.tensor<1x6x3x3xf32>
  return %0 : !gauss.tensor<1x6x3x3xf32>
}

// One channel and one output per group: nothing is split.
// CHECK-LABEL: func.func @one_output_per_channel
// CHECK-NOT: tensor.expand_shape
// CHECK: linalg.generic {indexing_maps = [#[[DEPTHWISE]], #[[DEPTHWISE]], #[[DEPTHWISE_WEIGHT]], #[[DEPTHWISE_WEIGHT]], #[[DEPTHWISE_OUT]], #[[DEPTHWISE_OUT]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
// CHECK-SAME: outs({{.*}} : tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32>)
// CHECK-NOT: tensor.collapse_shape
func.func @one_output_per_channel(%x: !gauss.tensor<1x4x5x5xf32>, %w: !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<1x4x3x3xf32> {
  %0 = gauss.conv2d %x, %w groups 4 : (!gauss.tensor<1x4x5x5xf32>, !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<1x4x3x3xf32>
  return %0 : !gauss.tensor<1x4x3x3xf32>
}

// One channel per group, two outputs of each, and a batch that is not fixed.
// CHECK-LABEL: func.func @depthwise
// CHECK: linalg.generic {indexing_maps = [#[[GROUPS]], #[[GROUPED_WEIGHT]], #[[GROUPED_WEIGHT]], #[[GROUPED_OUT]], #[[GROUPED_OUT]]],
// CHECK-SAME: ins({{.*}} : tensor<?x4x1x7x7xf32>, tensor<4x2x1x3x3xf32>, tensor<4x2x1x3x3xf32>)
// CHECK-SAME: outs({{.*}} : tensor<?x4x2x5x5xf32>, tensor<?x4x2x5x5xf32>)
func.func @depthwise(%x: tensor<?x4x5x5xf32>, %w: !gauss.tensor<8x1x3x3xf32>) -> !gauss.tensor<?x8x5x5xf32> {
  %0 = gauss.conv2d %x, %w padding [1, 1, 1, 1] groups 4 : (tensor<?x4x5x5xf32>, !gauss.tensor<8x1x3x3xf32>) -> !gauss.tensor<?x8x5x5xf32>
  return %0 : !gauss.tensor<?x8x5x5xf32>
}

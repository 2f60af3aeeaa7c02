// Convolutions along lines and through volumes are contractions over the window, as those of images
// are: a loop for each position, a reduction for the channels and for each kernel element.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// n, o, x; c, i
// CHECK-DAG: #[[LINE:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2 * 2 + d4 * 3)>
// CHECK-DAG: #[[LINE_WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d3, d4)>
// CHECK-DAG: #[[LINE_OUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>
// n, o, z, y, x; c, h, i, j
// CHECK-DAG: #[[VOLUME:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d5, d2 * 2 + d6, d3 + d7 * 2, d4 + d8)>
// CHECK-DAG: #[[VOLUME_WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d1, d5, d6, d7, d8)>
// CHECK-DAG: #[[VOLUME_OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d1, d2, d3, d4)>
// n, g, o, x; c, i
// CHECK-DAG: #[[GROUPS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d4, d3 + d5)>
// n, c, z, y, x; h, i, j
// CHECK-DAG: #[[DEPTHWISE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2 + d5, d3 + d6, d4 + d7)>

// CHECK-LABEL: func.func @line
// CHECK-SAME: (%[[MEAN:.*]]: tensor<1x2x9xf32>, %[[VARIANCE:.*]]: tensor<1x2x9xf32>,
// CHECK: %[[PM:.*]] = tensor.insert_slice %[[MEAN]] into %{{.*}}[0, 0, 2] [1, 2, 9] [1, 1, 1] : tensor<1x2x9xf32> into tensor<1x2x12xf32>
// CHECK: %[[PV:.*]] = tensor.insert_slice %[[VARIANCE]] into %{{.*}}[0, 0, 2] [1, 2, 9] [1, 1, 1]
// CHECK: linalg.generic {indexing_maps = [#[[LINE]], #[[LINE]], #[[LINE_WEIGHT]], #[[LINE_OUT]], #[[LINE_OUT]]], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
// CHECK-SAME: ins(%[[PM]], %[[PV]], %{{.*}} :
func.func @line(%x: !gauss.tensor<1x2x9xf32>, %w: tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w strides [2] padding [2, 1] dilation [3]
    : (!gauss.tensor<1x2x9xf32>, tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32>
  return %0 : !gauss.tensor<1x4x3xf32>
}

// CHECK-LABEL: func.func @volume
// CHECK: linalg.generic {indexing_maps = [#[[VOLUME]], #[[VOLUME_WEIGHT]], #[[VOLUME_OUT]]]
func.func @volume(%x: tensor<1x2x5x5x5xf32>, %w: tensor<4x2x3x2x2xf32>) -> tensor<1x4x2x3x4xf32> {
  %0 = gauss.conv3d %x, %w strides [2, 1, 1] dilation [1, 2, 1]
    : (tensor<1x2x5x5x5xf32>, tensor<4x2x3x2x2xf32>) -> tensor<1x4x2x3x4xf32>
  return %0 : tensor<1x4x2x3x4xf32>
}

// CHECK-LABEL: func.func @groups
// CHECK: linalg.generic {indexing_maps = [#[[GROUPS]],
func.func @groups(%x: tensor<1x4x5xf32>, %w: tensor<6x2x2xf32>) -> tensor<1x6x4xf32> {
  %0 = gauss.conv1d %x, %w groups 2 : (tensor<1x4x5xf32>, tensor<6x2x2xf32>) -> tensor<1x6x4xf32>
  return %0 : tensor<1x6x4xf32>
}

// CHECK-LABEL: func.func @depthwise
// CHECK: linalg.generic {indexing_maps = [#[[DEPTHWISE]],
func.func @depthwise(%x: tensor<1x4x3x3x3xf32>, %w: tensor<4x1x2x2x2xf32>) -> tensor<1x4x2x2x2xf32> {
  %0 = gauss.conv3d %x, %w groups 4
    : (tensor<1x4x3x3x3xf32>, tensor<4x1x2x2x2xf32>) -> tensor<1x4x2x2x2xf32>
  return %0 : tensor<1x4x2x2x2xf32>
}

// The gradient along a bias of a convolution is a sum over items, rows and columns, and what is summed is
// contiguous along the columns. Vectors go along them: first a sum over items and rows for each channel
// and column, then one over the columns.

// RUN: pfp-opt %s --gauss-to-gradient=loss=linear | FileCheck %s

// CHECK-DAG: #[[READ:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d0, d3, d1)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1)>
// CHECK-LABEL: func.func @net
// CHECK: %[[ROWS:.*]] = linalg.generic {indexing_maps = [#[[READ]], #[[OUT]]], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%{{.*}} : tensor<2x3x4x16xf32>) outs(%{{.*}} : tensor<3x16xf32>)
// CHECK: %[[BIAS:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]} ins(%[[ROWS]] : tensor<3x16xf32>) outs(%{{.*}} : tensor<3xf32>)
// CHECK: return %{{.*}}, %{{.*}}, %{{.*}}, %[[BIAS]]
func.func @net(%x: tensor<2x1x4x16xf32>) -> tensor<2x3x4x16xf32> {
  %w = gauss.parameter "w" : tensor<3x1x1x1xf32>
  %b = gauss.parameter "b" : tensor<3xf32>
  %0 = gauss.conv2d %x, %w, %b : (tensor<2x1x4x16xf32>, tensor<3x1x1x1xf32>, tensor<3xf32>) -> tensor<2x3x4x16xf32>
  return %0 : tensor<2x3x4x16xf32>
}

// What a layer reads by windows: an element of its input takes from every place whose window has it.
// The adjoint lies at every other place among zeros, for a stride of 2, and is read next to the kernel
// from its end on.

// RUN: pfp-opt %s --lower-gauss --canonicalize --gauss-gradient --canonicalize | FileCheck %s

// CHECK-DAG: #[[REVERSED:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, -d2 + 2, -d3 + 2)>
// CHECK-DAG: #[[KERNEL:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d1, d5, d6)>
// CHECK-DAG: #[[WINDOW:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-DAG: #[[PLACE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[STRIDES:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d1, d2 + d5 * 2, d3 + d6 * 2)>
// CHECK-DAG: #[[ADJOINT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d0, d5, d6)>

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x5x5xf32>, %[[A:.*]]: tensor<1x4x3x3xf32>, %[[B:.*]]: tensor<1x2x5x5xf32>, %[[W:.*]]: tensor<4x2x3x3xf32>)
func.func @net(%x: tensor<1x2x5x5xf32>) -> tensor<1x4x3x3xf32> {
  %b = gauss.parameter "b" : tensor<1x2x5x5xf32>
  %w = gauss.parameter "w" : tensor<4x2x3x3xf32>
  %y = gauss.add %x, %b : (tensor<1x2x5x5xf32>, tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  // CHECK: %[[PADDED:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 1] [1, 2, 5, 5] [1, 1, 1, 1]
  // CHECK: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[PADDED]], %[[W]] :
  %z = gauss.conv2d %y, %w strides [2, 2] padding [1, 1, 1, 1] : (tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x3x3xf32>
  // CHECK: %[[BACK:.*]] = linalg.generic {indexing_maps = [#[[REVERSED]], #{{.*}}], {{.*}} ins(%[[W]] :
  // CHECK: %[[SPREAD:.*]] = tensor.insert_slice %[[A]] into %{{.*}}[0, 0, 2, 2] [1, 4, 3, 3] [1, 1, 2, 2] : tensor<1x4x3x3xf32> into tensor<1x4x9x9xf32>
  // CHECK: %[[DP:.*]] = linalg.generic {indexing_maps = [#[[KERNEL]], #[[WINDOW]], #[[PLACE]]], {{.*}} ins(%[[BACK]], %[[SPREAD]] :
  // A kernel element takes from the places that it was beside.
  // CHECK: %[[DW:.*]] = linalg.generic {indexing_maps = [#[[STRIDES]], #[[ADJOINT]], #[[PLACE]]], {{.*}} ins(%[[PADDED]], %[[A]] :
  // What was padded is cut off.
  // CHECK: %[[DB:.*]] = tensor.extract_slice %[[DP]][0, 0, 1, 1] [1, 2, 5, 5] [1, 1, 1, 1]
  // CHECK: return %[[Z]], %[[DB]], %[[DW]]
  return %z : tensor<1x4x3x3xf32>
}

// A transposed convolution is a convolution for each phase of its result, or one for all where their
// places follow each other: no product with a zero between elements of the input is computed.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// Two times as large: both phases see two elements of the kernel, the second one step later.
// n, o, x, phase; c, i
// CHECK-DAG: #[[JOINED:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d2 + d3 + d5)>
// CHECK-DAG: #[[JOINED_WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d4, d1, d3, d5)>
// CHECK-DAG: #[[JOINED_OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)>
// n, o, x; c, i
// CHECK-DAG: #[[PLACES:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2 + d4)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d1, d4)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>

// CHECK-LABEL: func.func @joined
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x3xf32>)
// CHECK: %[[PADDED:.*]] = tensor.insert_slice %[[X]] into %{{.*}}[0, 0, 1] [1, 2, 3] [1, 1, 1] : tensor<1x2x3xf32> into tensor<1x2x5xf32>
// CHECK: %[[W:.*]] = arith.constant dense_resource<[[ELEMENTS:.*]]> : tensor<2x1x2x2xf32>
// CHECK: %[[Y:.*]] = linalg.generic {indexing_maps = [#[[JOINED]], #[[JOINED_WEIGHT]], #[[JOINED_OUT]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%[[PADDED]], %[[W]] :
// CHECK-NOT: linalg.generic
// CHECK: tensor.collapse_shape
// CHECK: return %{{.*}} : tensor<1x1x6xf32>
func.func @joined(%x: tensor<1x2x3xf32>) -> tensor<1x1x6xf32> {
  %w = arith.constant dense<[[[1.0, 2.0, 3.0, 4.0]], [[5.0, 6.0, 7.0, 8.0]]]> : tensor<2x1x4xf32>
  %0 = gauss.conv_transpose1d %x, %w strides [2] padding [1, 1]
    : (tensor<1x2x3xf32>, tensor<2x1x4xf32>) -> tensor<1x1x6xf32>
  return %0 : tensor<1x1x6xf32>
}

// One element of the kernel for every other place, two for the others; each part is put at its places.
// CHECK-LABEL: func.func @apart
// CHECK: arith.constant dense_resource<[[MIDDLE:.*]]> : tensor<1x1x1xf32>
// CHECK: linalg.generic {indexing_maps = [#[[PLACES]], #[[WEIGHT]], #[[OUT]]]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0] [1, 1, 3] [1, 1, 2] : tensor<1x1x3xf32> into tensor<1x1x5xf32>
// CHECK: arith.constant dense_resource<[[ENDS:.*]]> : tensor<1x1x2xf32>
// CHECK: linalg.generic {indexing_maps = [#[[PLACES]], #[[WEIGHT]], #[[OUT]]]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1] [1, 1, 2] [1, 1, 2] : tensor<1x1x2xf32> into tensor<1x1x5xf32>
func.func @apart(%x: tensor<1x1x3xf32>) -> tensor<1x1x5xf32> {
  %w = arith.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>
  %0 = gauss.conv_transpose1d %x, %w strides [2] padding [1, 1]
    : (tensor<1x1x3xf32>, tensor<1x1x3xf32>) -> tensor<1x1x5xf32>
  return %0 : tensor<1x1x5xf32>
}

// A kernel that is not known is turned round where the function is called.
// CHECK-LABEL: func.func @unknown
// CHECK-SAME: (%{{.*}}: tensor<1x1x3xf32>, %[[W:.*]]: tensor<1x1x3xf32>)
// CHECK: %[[FIRST:.*]] = tensor.extract_slice %[[W]][0, 0, 0] [1, 1, 1] [1, 1, 1]
// CHECK: tensor.insert_slice %[[FIRST]] into %{{.*}}[0, 0, 2] [1, 1, 1] [1, 1, 1]
// CHECK: %[[SECOND:.*]] = tensor.extract_slice %[[W]][0, 0, 1] [1, 1, 1] [1, 1, 1]
// CHECK: tensor.insert_slice %[[SECOND]] into %{{.*}}[0, 0, 1] [1, 1, 1] [1, 1, 1]
// CHECK: %[[THIRD:.*]] = tensor.extract_slice %[[W]][0, 0, 2] [1, 1, 1] [1, 1, 1]
// CHECK: %[[TURNED:.*]] = tensor.insert_slice %[[THIRD]] into %{{.*}}[0, 0, 0] [1, 1, 1] [1, 1, 1]
// CHECK: tensor.extract_slice %[[TURNED]][0, 0, 1] [1, 1, 1] [1, 1, 1]
// CHECK: tensor.extract_slice %[[TURNED]][0, 0, 0] [1, 1, 2] [1, 1, 2]
func.func @unknown(%x: tensor<1x1x3xf32>, %w: tensor<1x1x3xf32>) -> tensor<1x1x5xf32> {
  %0 = gauss.conv_transpose1d %x, %w strides [2] padding [1, 1]
    : (tensor<1x1x3xf32>, tensor<1x1x3xf32>) -> tensor<1x1x5xf32>
  return %0 : tensor<1x1x5xf32>
}

// 4, 2 and 3, 1; 8, 6 and 7, 5.
// CHECK-DAG: [[ELEMENTS]]: "0x040000000000804000000040000040400000803F000000410000C0400000E0400000A040"
// 2; then 3 and 1.
// CHECK-DAG: [[MIDDLE]]: "0x0400000000000040"
// CHECK-DAG: [[ENDS]]: "0x04000000000040400000803F"

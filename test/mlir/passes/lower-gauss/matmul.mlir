// Products of matrices: one contraction, whose dimensions are those of the result and the sum.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=arith.subf

// CHECK-DAG: #[[LEFT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[RIGHT:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[SWAPPED_LEFT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1)>
// CHECK-DAG: #[[SWAPPED_RIGHT:.*]] = affine_map<(d0, d1, d2, d3) -> (0, d2, d3)>

// CHECK-LABEL: func.func @one_matrix_for_all
// CHECK: indexing_maps = [#[[LEFT]], #[[LEFT]], #[[RIGHT]], #[[RIGHT]], #[[OUT]], #[[OUT]]]
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   %[[W2:.*]] = math.fma %[[W]], %[[W]], %[[S]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[W2]], %[[C1]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @one_matrix_for_all(%x: !gauss.tensor<?x4x3xf32>, %w: !gauss.tensor<3x5xf32>) -> !gauss.tensor<?x4x5xf32> {
  %0 = gauss.matmul %x, %w : (!gauss.tensor<?x4x3xf32>, !gauss.tensor<3x5xf32>) -> !gauss.tensor<?x4x5xf32>
  return %0 : !gauss.tensor<?x4x5xf32>
}

// CHECK-LABEL: func.func @transposed_and_repeated
// CHECK: indexing_maps = [#[[SWAPPED_LEFT]], #[[SWAPPED_RIGHT]], #[[SWAPPED_RIGHT]], #[[OUT]], #[[OUT]]]
func.func @transposed_and_repeated(%x: tensor<2x3x4xf32>, %w: !gauss.tensor<1x5x3xf32>) -> !gauss.tensor<2x4x5xf32> {
  %0 = gauss.matmul %x, %w transpose_lhs true transpose_rhs true : (tensor<2x3x4xf32>, !gauss.tensor<1x5x3xf32>) -> !gauss.tensor<2x4x5xf32>
  return %0 : !gauss.tensor<2x4x5xf32>
}

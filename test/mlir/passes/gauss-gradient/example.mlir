// A layer in linalg on tensors, and what training needs of it. The parameters become arguments,
// behind the weights of the elements of the first result; the gradient along each is returned
// behind the results.

// RUN: pfp-opt %s --lower-gauss --canonicalize --gauss-gradient --canonicalize | FileCheck %s --implicit-check-not=memref

// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[OUTPUTS:.*]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: #[[WEIGHTS:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[COLUMNS:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG: #[[BIAS:.*]] = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[A:.*]]: tensor<2x4xf32>, %[[W:.*]]: tensor<4x3xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK-SAME: -> (tensor<2x4xf32>, tensor<4x3xf32>, tensor<4xf32>)
// CHECK-SAME: gauss.parameters = ["w", "b"]
func.func @layer(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %w = gauss.parameter "w" : tensor<4x3xf32>
  %b = gauss.parameter "b" : tensor<4xf32>
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[W]] :
  %y = gauss.dense %x, %w, %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // Of a weight: the input times the adjoint of the output, summed over the items.
  // CHECK: %[[DW:.*]] = linalg.generic {indexing_maps = [#[[ROWS]], #[[OUTPUTS]], #[[WEIGHTS]]], iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[X]], %[[A]] :
  // CHECK-SAME: pfp.layer = "dense.gradient"
  // CHECK: math.fma
  // Of the bias: the adjoint, summed over the items.
  // CHECK: %[[DB:.*]] = linalg.generic {indexing_maps = [#[[COLUMNS]], #[[BIAS]]], iterator_types = ["parallel", "reduction"]} ins(%[[A]] :
  // CHECK: arith.addf
  // CHECK: return %[[Y]], %[[DW]], %[[DB]]
  return %y : tensor<2x4xf32>
}

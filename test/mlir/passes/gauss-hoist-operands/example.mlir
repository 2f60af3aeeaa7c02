// The variance of a layer needs the square of every input mean, once for each output
// that depends on it. The pass computes the squares once: an elementwise op before the
// reduction, and the reduction reads what it gives like any other input.

// RUN: pfp-opt %s --gauss-hoist-operands | FileCheck %s

#input = affine_map<(d0, d1) -> (d1)>
#weight = affine_map<(d0, d1) -> (d0, d1)>
#output = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[S:.*]]: tensor<8x4xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @layer(%x: tensor<4xf32>, %s: tensor<8x4xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  // CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}} iterator_types = ["parallel"]} ins(%[[X]] :
  // CHECK: arith.mulf
  // CHECK: linalg.generic {{.*}} ins(%[[X]], %[[S]], %[[SQUARES]] :
  // CHECK-NOT: arith.mulf
  // CHECK: math.fma
  %0 = linalg.generic {indexing_maps = [#input, #weight, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x, %s : tensor<4xf32>, tensor<8x4xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %variance: f32, %sum: f32):
    %1 = arith.mulf %in, %in : f32
    %2 = math.fma %1, %variance, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

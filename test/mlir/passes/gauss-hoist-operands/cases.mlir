// RUN: pfp-opt %s --gauss-hoist-operands --split-input-file | FileCheck %s

// An input that is read less than 8 times for each element keeps its square.
// CHECK-LABEL: func.func @few_uses
// CHECK-COUNT-1: linalg.generic
// CHECK: arith.mulf
// CHECK-NOT: linalg.generic
// CHECK: return
#input = affine_map<(d0, d1) -> (d1)>
#output = affine_map<(d0, d1) -> (d0)>
func.func @few_uses(%x: tensor<4xf32>, %y: tensor<7xf32>) -> tensor<7xf32> {
  %0 = linalg.generic {indexing_maps = [#input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4xf32>) outs(%y : tensor<7xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %1 = arith.mulf %in, %in : f32
    %2 = arith.addf %1, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<7xf32>
  return %0 : tensor<7xf32>
}

// -----

// What follows from a constant is left to the packing.
// CHECK-LABEL: func.func @constant
// CHECK-COUNT-1: linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: return
#input = affine_map<(d0, d1) -> (d1)>
#output = affine_map<(d0, d1) -> (d0)>
func.func @constant(%y: tensor<8xf32>) -> tensor<8xf32> {
  %x = arith.constant dense<2.0> : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %1 = arith.mulf %in, %in : f32
    %2 = arith.addf %1, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// An operation on two inputs is done where they meet.
// CHECK-LABEL: func.func @two_inputs
// CHECK-COUNT-1: linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: return
#input = affine_map<(d0, d1) -> (d1)>
#output = affine_map<(d0, d1) -> (d0)>
func.func @two_inputs(%x: tensor<4xf32>, %z: tensor<4xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = linalg.generic {indexing_maps = [#input, #input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x, %z : tensor<4xf32>, tensor<4xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %other: f32, %sum: f32):
    %1 = arith.mulf %in, %other : f32
    %2 = arith.addf %1, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Operations on what was hoisted follow it.
// CHECK-LABEL: func.func @chain
// CHECK: linalg.generic
// CHECK: arith.mulf
// CHECK: linalg.generic
// CHECK: math.absf
// CHECK: linalg.generic
// CHECK-NOT: arith.mulf
// CHECK-NOT: math.absf
// CHECK: return
#input = affine_map<(d0, d1) -> (d1)>
#output = affine_map<(d0, d1) -> (d0)>
func.func @chain(%x: tensor<4xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = linalg.generic {indexing_maps = [#input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %1 = arith.mulf %in, %in : f32
    %2 = math.absf %1 : f32
    %3 = arith.addf %2, %sum : f32
    linalg.yield %3 : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

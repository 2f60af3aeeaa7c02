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

// -----

// Of a padded input, only what is inside of the padding is computed, so that the layer
// before can do it; the padding gets the value that follows from its own.
// CHECK-LABEL: func.func @padded
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<8xf32>)
// CHECK: tensor.insert_slice %[[X]] into
// CHECK: %[[AROUND:.*]] = linalg.generic {{.*}} outs({{.*}} : tensor<6xf32>)
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[MINUS:.*]], %[[MINUS]] : f32
// CHECK: linalg.yield %[[SQUARE]]
// CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<4xf32>)
// CHECK: arith.mulf
// CHECK: %[[PADDED:.*]] = tensor.insert_slice %[[SQUARES]] into %[[AROUND]][1] [4] [1]
// CHECK: linalg.generic {{.*}} %[[PADDED]] : tensor<6xf32>, tensor<6xf32>)
// CHECK-NOT: arith.mulf
// CHECK: return
#all = affine_map<(d0) -> (d0)>
#input = affine_map<(d0, d1) -> (d1)>
#output = affine_map<(d0, d1) -> (d0)>
func.func @padded(%x: tensor<4xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %minus = arith.constant -2.0 : f32
  %empty = tensor.empty() : tensor<6xf32>
  %around = linalg.generic {indexing_maps = [#all], iterator_types = ["parallel"]} outs(%empty : tensor<6xf32>) {
  ^bb0(%out: f32):
    linalg.yield %minus : f32
  } -> tensor<6xf32>
  %padded = tensor.insert_slice %x into %around[1] [4] [1] : tensor<4xf32> into tensor<6xf32>
  %0 = linalg.generic {indexing_maps = [#input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%padded : tensor<6xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %1 = arith.mulf %in, %in : f32
    %2 = math.fma %in, %1, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Two reductions that square one input share the squares.
// CHECK-LABEL: func.func @shared
// CHECK: %[[SQUARES:.*]] = linalg.generic
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[SQUARES]] :
// CHECK-NEXT: ^bb0
// CHECK-NOT: arith.mulf
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[SQUARES]] :
#input = affine_map<(d0, d1) -> (d1)>
#output = affine_map<(d0, d1) -> (d0)>
func.func @shared(%x: tensor<4xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = linalg.generic {indexing_maps = [#input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %2 = arith.mulf %in, %in : f32
    %3 = arith.addf %2, %sum : f32
    linalg.yield %3 : f32
  } -> tensor<8xf32>
  %1 = linalg.generic {indexing_maps = [#input, #output], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %2 = arith.mulf %in, %in : f32
    %3 = arith.subf %sum, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}

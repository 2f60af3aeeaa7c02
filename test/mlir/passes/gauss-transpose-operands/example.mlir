// A dense layer whose weights are an argument: the outputs that vectors compute side by side become neighbours.

// RUN: pfp-opt %s --gauss-transpose-operands | FileCheck %s

#input = affine_map<(d0, d1, d2) -> (d0, d2)>
#weight = affine_map<(d0, d1, d2) -> (d1, d2)>
#output = affine_map<(d0, d1, d2) -> (d0, d1)>

// CHECK-DAG: #[[SWAPPED:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG: #[[LAST:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>

// Two layers with the same weights share the copy.
// CHECK-LABEL: func.func @shared
func.func @shared(%x: tensor<16x32xf32>, %z: tensor<16x32xf32>, %w: tensor<24x32xf32>, %y: tensor<16x24xf32>)
    -> (tensor<16x24xf32>, tensor<16x24xf32>) {
  // CHECK: %[[W:.*]] = linalg.generic {indexing_maps = [#[[SWAPPED]], {{.*}} ins(%arg2 : tensor<24x32xf32>) outs({{.*}} : tensor<32x24xf32>)
  // CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[LAST]], {{.*}} ins(%arg0, %[[W]] :
  // CHECK-NOT: tensor<24x32xf32>)
  // CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[LAST]], {{.*}} ins(%arg1, %[[W]] :
  %0 = linalg.generic {indexing_maps = [#input, #weight, #output], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<16x32xf32>, tensor<24x32xf32>) outs(%y : tensor<16x24xf32>) {
  ^bb0(%in: f32, %v: f32, %sum: f32):
    %2 = math.fma %in, %v, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<16x24xf32>
  %1 = linalg.generic {indexing_maps = [#input, #weight, #output], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%z, %w : tensor<16x32xf32>, tensor<24x32xf32>) outs(%y : tensor<16x24xf32>) {
  ^bb0(%in: f32, %v: f32, %sum: f32):
    %2 = math.fma %in, %v, %sum : f32
    linalg.yield %2 : f32
  } -> tensor<16x24xf32>
  return %0, %1 : tensor<16x24xf32>, tensor<16x24xf32>
}

// Weights that are read 4 times are not worth a copy.
// CHECK-LABEL: func.func @few_items
func.func @few_items(%x: tensor<4x32xf32>, %w: tensor<24x32xf32>, %y: tensor<4x24xf32>) -> tensor<4x24xf32> {
  // CHECK: ins(%arg0, %arg1 :
  %0 = linalg.generic {indexing_maps = [#input, #weight, #output], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x32xf32>, tensor<24x32xf32>) outs(%y : tensor<4x24xf32>) {
  ^bb0(%in: f32, %v: f32, %sum: f32):
    %1 = math.fma %in, %v, %sum : f32
    linalg.yield %1 : f32
  } -> tensor<4x24xf32>
  return %0 : tensor<4x24xf32>
}

// Normalisations by the values: sums in parts, then one step for each element.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s

// Of a deterministic input: the mean, the mean square of what is left, one over its root.
// CHECK-LABEL: func.func @deterministic
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [2, 4, 8]
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: arith.subf
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: iterator_types = ["parallel"]
// CHECK: math.sqrt
// CHECK: iterator_types = ["parallel", "parallel"]
// CHECK-NOT: "reduction"
// CHECK: return
func.func @deterministic(%x: tensor<2x32xf32>) -> tensor<2x32xf32> {
  %0 = gauss.layer_norm %x : (tensor<2x32xf32>) -> tensor<2x32xf32>
  return %0 : tensor<2x32xf32>
}

// Nothing is centred, and what the spread of the mean square needs is summed in one loop.
// CHECK-LABEL: func.func @root_mean_square
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: math.sqrt
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: linalg.yield %{{.*}}, %{{.*}}, %{{.*}} : f32, f32, f32
// CHECK: return
func.func @root_mean_square(%x: !gauss.tensor<?x32xf32>, %g: tensor<32xf32>) -> !gauss.tensor<?x32xf32> {
  %0 = gauss.rms_norm %x, %g : (!gauss.tensor<?x32xf32>, tensor<32xf32>) -> !gauss.tensor<?x32xf32>
  return %0 : !gauss.tensor<?x32xf32>
}

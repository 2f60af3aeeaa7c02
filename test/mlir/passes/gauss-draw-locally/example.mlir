// The weights of a dense layer are as many draws as there are weights, of which each has a part in the noise of
// the gradient. Given its inputs, the outputs of the layer are Gaussian, too: they are drawn instead, of
// mean and variance that the layer has in closed form, with normal numbers that are an argument.

// RUN: pfp-opt %s --gauss-draw-locally | FileCheck %s
// RUN: pfp-opt %s --gauss-to-gradient="loss=gaussian:1 mean=true local=true" | FileCheck %s --check-prefix=GRADIENT
// What the gradient leaves is compiled like a network.
// RUN: pfp-opt %s --gauss-to-gradient="loss=gaussian:1 mean=true local=true" --gauss-to-llvm="lowered=true core=x86-64-v3" | FileCheck %s --check-prefix=C

// CHECK-LABEL: func.func @net(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>, %[[NOISE:.*]]: tensor<2x4xf32>) -> tensor<2x4xf32> attributes {gauss.drawn = array<i64: 4>}
// CHECK: %[[W:.*]] = gauss.parameter "w" : !gauss.tensor<4x3xf32>
// CHECK: %[[B:.*]] = gauss.parameter "b" : !gauss.tensor<4xf32>
// CHECK: %[[Y:.*]] = gauss.dense %[[X]], %[[W]], %[[B]]
// CHECK: %[[MEAN:.*]] = gauss.mean %[[Y]]
// CHECK: %[[VARIANCE:.*]] = gauss.variance %[[Y]]
// CHECK: %[[DRAWN:.*]] = linalg.generic
// CHECK-SAME: ins(%[[MEAN]], %[[VARIANCE]], %[[NOISE]] :
// CHECK: ^bb0(%[[M:.*]]: f32, %[[V:.*]]: f32, %[[N:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[DEVIATION:.*]] = math.sqrt %[[V]]
// CHECK: math.fma %[[DEVIATION]], %[[N]], %[[M]]
// CHECK: return %[[DRAWN]] : tensor<2x4xf32>

// Input, target, noise, weights of the items, and means and variances of both parameters.
// GRADIENT-LABEL: func.func @net(
// GRADIENT-SAME: tensor<2x3xf32>, %{{.*}}: tensor<2x4xf32>, %{{.*}}: tensor<2x4xf32>, %{{.*}}: tensor<2xf32>, %{{.*}}: tensor<4x3xf32>, %{{.*}}: tensor<4x3xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>)
// GRADIENT-SAME: gauss.parameters = ["w.mean", "w.var", "b.mean", "b.var"]
// GRADIENT: "draw"
// GRADIENT: "draw.gradient"
// C: llvm.func @pfp_net
func.func @net(%x: tensor<2x3xf32>) -> !gauss.tensor<2x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x3xf32>
  %b = gauss.parameter "b" : !gauss.tensor<4xf32>
  %0 = gauss.dense %x, %w, %b : (tensor<2x3xf32>, !gauss.tensor<4x3xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<2x4xf32>
  return %0 : !gauss.tensor<2x4xf32>
}

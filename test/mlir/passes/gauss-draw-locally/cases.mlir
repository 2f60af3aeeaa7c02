// Which layers draw their outputs: those of which a row is an item, with weights that are read once. Of all others
// a Gaussian is its mean.

// RUN: pfp-opt %s --split-input-file --gauss-draw-locally | FileCheck %s

// Weights that are read twice are one draw for both.
// CHECK-LABEL: func.func @tied(%{{.*}}: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {gauss.drawn = array<i64>}
// CHECK: gauss.parameter "w.mean" : tensor<3x3xf32>
// CHECK-NOT: "draw"
func.func @tied(%x: tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  %0 = gauss.dense %x, %w : (tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  %1 = gauss.dense %0, %w : (!gauss.tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  return %1 : !gauss.tensor<2x3xf32>
}

// -----

// The same, under the same name.
// CHECK-LABEL: func.func @named(
// CHECK-SAME: attributes {gauss.drawn = array<i64>}
func.func @named(%x: tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %v = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  %w = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  %0 = gauss.dense %x, %v : (tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  %1 = gauss.dense %0, %w : (!gauss.tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  return %1 : !gauss.tensor<2x3xf32>
}

// -----

// Of a sequence a row is a place: the places of an item share the weights.
// CHECK-LABEL: func.func @sequence(
// CHECK-SAME: attributes {gauss.drawn = array<i64>}
func.func @sequence(%x: tensor<2x5x3xf32>) -> !gauss.tensor<2x5x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x3xf32>
  %0 = gauss.reshape %x : (tensor<2x5x3xf32>) -> tensor<10x3xf32>
  %1 = gauss.dense %0, %w : (tensor<10x3xf32>, !gauss.tensor<4x3xf32>) -> !gauss.tensor<10x4xf32>
  %2 = gauss.reshape %1 : (!gauss.tensor<10x4xf32>) -> !gauss.tensor<2x5x4xf32>
  return %2 : !gauss.tensor<2x5x4xf32>
}

// -----

// A bias that is read elsewhere, too, is no part of the draw; a layer of known weights has nothing to draw.
// CHECK-LABEL: func.func @bias(%{{.*}}: tensor<2x3xf32>, %{{.*}}: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {gauss.drawn = array<i64: 3>}
// CHECK-DAG: %[[W:.*]] = gauss.parameter "w" : !gauss.tensor<3x3xf32>
// CHECK-DAG: %[[B:.*]] = gauss.parameter "b.mean" : tensor<3xf32>
// CHECK: gauss.dense %{{.*}}, %[[W]], %[[B]] : (tensor<2x3xf32>, !gauss.tensor<3x3xf32>, tensor<3xf32>) -> !gauss.tensor<2x3xf32>
// CHECK: gauss.relu %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: gauss.dense %{{.*}}, %{{.*}}, %[[B]] : (tensor<2x3xf32>, tensor<3x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
func.func @bias(%x: tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  %b = gauss.parameter "b" : !gauss.tensor<3xf32>
  %v = gauss.parameter "v" : tensor<3x3xf32>
  %0 = gauss.dense %x, %w, %b : (tensor<2x3xf32>, !gauss.tensor<3x3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<2x3xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %2 = gauss.dense %1, %v, %b : (!gauss.tensor<2x3xf32>, tensor<3x3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<2x3xf32>
  return %2 : !gauss.tensor<2x3xf32>
}

// Recurrent layers and attention are written out of other ops, whose names their loops have.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s

// Two steps: the products with the input in one loop, those with the state from the second step on.
// CHECK-LABEL: func.func @steps
// CHECK: pfp.layer = "matmul"
// CHECK: pfp.layer = "sigmoid"
// CHECK: pfp.layer = "tanh"
// CHECK: pfp.layer = "mul"
// CHECK: pfp.layer = "dense"
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NOT: "reduction"]
// CHECK: return
func.func @steps(%x: !gauss.tensor<?x2x3xf32>, %w: !gauss.tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) -> !gauss.tensor<?x2x4xf32> {
  %0 = gauss.lstm %x, %w, %r : (!gauss.tensor<?x2x3xf32>, !gauss.tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> !gauss.tensor<?x2x4xf32>
  return %0 : !gauss.tensor<?x2x4xf32>
}

// CHECK-LABEL: func.func @attention
// CHECK: pfp.layer = "matmul"
// CHECK: pfp.layer = "attention_weights"
// CHECK: math.log
// CHECK: pfp.layer = "reduce_mean"
// CHECK: pfp.layer = "sub"
// CHECK: pfp.layer = "matmul"
// CHECK: pfp.layer = "add"
// CHECK: return
func.func @attention(%q: !gauss.tensor<?x5x3xf32>, %v: tensor<?x5x2xf32>) -> !gauss.tensor<?x5x2xf32> {
  %0 = gauss.attention %q, %q, %v : (!gauss.tensor<?x5x3xf32>, !gauss.tensor<?x5x3xf32>, tensor<?x5x2xf32>) -> !gauss.tensor<?x5x2xf32>
  return %0 : !gauss.tensor<?x5x2xf32>
}

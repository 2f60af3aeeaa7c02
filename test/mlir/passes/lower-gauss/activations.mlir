// Activations become one elementwise linalg op each. Those without a closed form select between two
// rules of quadrature, without a branch.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s
// RUN: pfp-opt %s --lower-gauss | mlir-opt --linalg-generalize-named-ops > %t

// CHECK-LABEL: func.func @silu(
// CHECK-SAME: %[[M:.*]]: tensor<?x10xf32>, %[[V:.*]]: tensor<?x10xf32>) -> (tensor<?x10xf32>, tensor<?x10xf32>)
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
// CHECK-SAME: ins(%[[M]], %[[V]] : tensor<?x10xf32>, tensor<?x10xf32>)
// CHECK-NOT: linalg.generic
// CHECK-NOT: scf
// CHECK: linalg.yield %{{.*}}, %{{.*}} : f32, f32
func.func @silu(%x: !gauss.tensor<?x10xf32>) -> !gauss.tensor<?x10xf32> {
  %0 = gauss.silu %x : (!gauss.tensor<?x10xf32>) -> !gauss.tensor<?x10xf32>
  return %0 : !gauss.tensor<?x10xf32>
}

// Without a variance it is the plain function.
// CHECK-LABEL: func.func @plain_silu(
// CHECK: linalg.generic
// CHECK-COUNT-1: math.exp
// CHECK-NOT: math.exp
// CHECK: linalg.yield %{{.*}} : f32
func.func @plain_silu(%x: tensor<?x10xf32>) -> tensor<?x10xf32> {
  %0 = gauss.silu %x : (tensor<?x10xf32>) -> tensor<?x10xf32>
  return %0 : tensor<?x10xf32>
}

// Two tails, one for each bound.
// CHECK-LABEL: func.func @relu6(
// CHECK-COUNT-2: math.exp {{.*}}pfp.tail_exponent
// CHECK-NOT: math.exp
func.func @relu6(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.clip %x min 0.0 max 6.0 : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// No exponential at all.
// CHECK-LABEL: func.func @square(
// CHECK-NOT: math.exp
// CHECK: return
func.func @square(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.square %x : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// Two tails too; what is far narrower or wider than the bends takes the same ones.
// CHECK-LABEL: func.func @hard_swish(
// CHECK-COUNT-2: math.exp {{.*}}pfp.tail_exponent
// CHECK-NOT: math.exp
// CHECK: return
func.func @hard_swish(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.hard_swish %x : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// The tail, and e^(min(m, 0)) and e^(v/2), each once after --cse.
// CHECK-LABEL: func.func @elu(
// CHECK: math.exp {{.*}}pfp.tail_exponent
// CHECK-COUNT-3: math.exp
// CHECK-NOT: math.exp
// CHECK: return
func.func @elu(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.elu %x : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// CHECK-LABEL: func.func @sin(
// CHECK: math.sin
// CHECK: math.cos
func.func @sin(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.sin %x : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// Without a variance there is no cosine.
// CHECK-LABEL: func.func @plain_sin(
// CHECK: math.sin
// CHECK-NOT: math.cos
// CHECK: return
func.func @plain_sin(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gauss.sin %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// Of a binary classifier the one logit is that of a label: the head is a sigmoid.

// RUN: pfp-opt %s --gauss-append-head="head=sigmoid reject-epistemic=0.125 reject-aleatoric=0.5" | FileCheck %s
// RUN: pfp-opt %s --gauss-append-head="head=sigmoid" | FileCheck %s --check-prefix=NONE --implicit-check-not=gauss.binary_decide

// CHECK-LABEL: func.func @net
// CHECK-SAME: (!gauss.tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1x3xf32>, tensor<?x1xf32>)
// NONE-LABEL: func.func @net
// NONE-SAME: -> (!gauss.tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1x3xf32>)
func.func @net(%x: !gauss.tensor<?x1xf32>) -> !gauss.tensor<?x1xf32> {
  // CHECK: %[[Z:.*]] = gauss.add
  %0 = gauss.add %x, %x : (!gauss.tensor<?x1xf32>, !gauss.tensor<?x1xf32>) -> !gauss.tensor<?x1xf32>
  // CHECK-NEXT: %[[P:.*]] = gauss.binary_probability %[[Z]]
  // CHECK-NEXT: %[[U:.*]] = gauss.binary_uncertainty %[[Z]]
  // CHECK-NEXT: %[[D:.*]] = gauss.binary_decide %[[P]], %[[U]] epistemic 1.250000e-01 aleatoric 5.000000e-01
  // CHECK-NEXT: return %[[Z]], %[[P]], %[[U]], %[[D]]
  return %0 : !gauss.tensor<?x1xf32>
}

// Several logits are labels that do not exclude each other.
// CHECK-LABEL: func.func @properties
// CHECK: gauss.binary_decide {{.*}} (tensor<4x5xf32>, tensor<4x5x3xf32>) -> tensor<4x5xf32>
func.func @properties(%x: tensor<4x5xf32>) -> tensor<4x5xf32> {
  return %x : tensor<4x5xf32>
}

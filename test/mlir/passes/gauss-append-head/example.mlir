// A network gives Gaussian logits. An application wants to know the class, and whether
// it can be trusted. The pass appends the ops that say so, and the function returns
// their results beside the logits.

// RUN: pfp-opt %s --gauss-append-head="head=laplace reject-epistemic=0.25 reject-aleatoric=0.5" | FileCheck %s
// RUN: pfp-opt %s --gauss-append-head="head=mean-field" | FileCheck %s --check-prefix=NONE --implicit-check-not=gauss.decide
// RUN: pfp-opt %s --gauss-append-head="head=sample:100 seed=7" | FileCheck %s --check-prefix=DRAWS
// RUN: pfp-opt %s --gauss-append-head="head=interval:0.9375 noise-variance=0.5" | FileCheck %s --check-prefix=ENDS

// CHECK-LABEL: func.func @net
// CHECK-SAME: (!gauss.tensor<?x10xf32>, tensor<?x10xf32>, tensor<?x3xf32>, tensor<?xf32>)
// NONE-LABEL: func.func @net
// NONE-SAME: -> (!gauss.tensor<?x10xf32>, tensor<?x10xf32>, tensor<?x3xf32>)
func.func @net(%x: !gauss.tensor<?x10xf32>) -> !gauss.tensor<?x10xf32> {
  // CHECK: %[[Z:.*]] = gauss.relu
  %0 = gauss.relu %x : (!gauss.tensor<?x10xf32>) -> !gauss.tensor<?x10xf32>
  // CHECK-NEXT: %[[P:.*]] = gauss.softmax %[[Z]] method "laplace"
  // CHECK-NEXT: %[[U:.*]] = gauss.uncertainty %[[Z]] method "laplace"
  // CHECK-NEXT: %[[D:.*]] = gauss.decide %[[P]], %[[U]] epistemic 2.500000e-01 aleatoric 5.000000e-01
  // CHECK-NEXT: return %[[Z]], %[[P]], %[[U]], %[[D]]
  // NONE: gauss.softmax {{.*}} method "mean-field"
  // NONE: gauss.uncertainty {{.*}} method "mean-field"
  // DRAWS: gauss.softmax {{.*}} method "sample" draws 100 seed 7
  // DRAWS: gauss.uncertainty {{.*}} method "sample" draws 100 seed 7
  // ENDS: %[[I:.*]] = gauss.interval {{.*}} coverage 9.375000e-01 noise 5.000000e-01 : (!gauss.tensor<?x10xf32>) -> tensor<?x10x2xf32>
  // ENDS-NEXT: return %{{.*}}, %[[I]]
  return %0 : !gauss.tensor<?x10xf32>
}

// What is private is not touched.
// CHECK: func.func private @helper(%{{.*}}: tensor<1xf32>) -> tensor<1xf32>
func.func private @helper(%x: tensor<1xf32>) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}

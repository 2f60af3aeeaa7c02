// Which parameters there are: one that is used twice has the sum of both gradients, one that nothing
// uses has zeros where it is still there, and none where a pass before has erased it.

// RUN: pfp-opt %s --lower-gauss --gauss-gradient --canonicalize | FileCheck %s --implicit-check-not=memref.global --implicit-check-not=memref.get_global
// RUN: pfp-opt %s --lower-gauss --canonicalize --gauss-gradient | FileCheck %s --check-prefix=GONE --implicit-check-not=memref.global
// What is left has no parameter any more.
// RUN: pfp-opt %s --lower-gauss --gauss-gradient > %t
// RUN: not pfp-opt %t --gauss-gradient 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: has no parameters to differentiate along

// CHECK-LABEL: func.func @shared
// CHECK-SAME: (%{{.*}}: tensor<2x3xf32>, %{{.*}}: tensor<2x3xf32>, %{{.*}}: tensor<3x3xf32>, %{{.*}}: tensor<5xf32>)
// CHECK-SAME: -> (tensor<2x3xf32>, tensor<3x3xf32>, tensor<5xf32>)
// CHECK-SAME: gauss.parameters = ["w", "unused"]
// GONE-LABEL: func.func @shared
// GONE-SAME: -> (tensor<2x3xf32>, tensor<3x3xf32>)
// GONE-SAME: gauss.parameters = ["w"]
func.func @shared(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = gauss.parameter "w" : tensor<3x3xf32>
  %again = gauss.parameter "w" : tensor<3x3xf32>
  %unused = gauss.parameter "unused" : tensor<5xf32>
  %y = gauss.dense %x, %w : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %z = gauss.dense %y, %again : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  // CHECK-COUNT-3: "dense.gradient"
  // CHECK: %[[SUM:.*]] = linalg.generic {{.*}}"sum.gradient"
  // CHECK: arith.addf
  // CHECK: %[[ZEROS:.*]] = linalg.generic {{.*}}"parameter.gradient"
  // CHECK: return %{{.*}}, %[[SUM]], %[[ZEROS]]
  return %z : tensor<2x3xf32>
}

// Of a Gaussian parameter the means and the variances are arguments of their own. Here the first
// result are the means, which do not depend on the variances: that gradient is zeros.

// RUN: pfp-opt %s --lower-gauss --canonicalize --gauss-gradient --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[A:.*]]: tensor<2x4xf32>, %[[M:.*]]: tensor<4x3xf32>, %[[V:.*]]: tensor<4x3xf32>)
// CHECK-SAME: -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<4x3xf32>, tensor<4x3xf32>)
// CHECK-SAME: gauss.parameters = ["w.mean", "w.var"]
func.func @layer(%x: tensor<2x3xf32>) -> !gauss.tensor<2x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x3xf32>
  %y = gauss.dense %x, %w : (tensor<2x3xf32>, !gauss.tensor<4x3xf32>) -> !gauss.tensor<2x4xf32>
  // CHECK: %[[Y:.*]]:2 = linalg.generic {{.*}} ins(%[[X]], %[[M]], %[[V]] :
  // CHECK: %[[DM:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[A]] :
  // CHECK: %[[DV:.*]] = linalg.generic {{.*}} attrs = {{.*}}"parameter.gradient"
  // CHECK: return %[[Y]]#0, %[[Y]]#1, %[[DM]], %[[DV]]
  return %y : !gauss.tensor<2x4xf32>
}

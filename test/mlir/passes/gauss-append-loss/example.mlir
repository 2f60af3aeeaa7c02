// A network gives Gaussian logits. Training wants one number for each item: how unlikely its target
// is. The pass appends ops that compute it, and the function returns these losses and the means in
// place of its outputs. Targets are one more argument, standard normal numbers another one where
// the loss is expected over draws.

// RUN: pfp-opt %s --gauss-append-loss=loss=cross-entropy | FileCheck %s
// RUN: pfp-opt %s --gauss-append-loss=loss=cross-entropy:5 | FileCheck %s --check-prefix=DRAWS --implicit-check-not=arith.divf
// RUN: pfp-opt %s --gauss-append-loss="loss=cross-entropy:5 mean=true" | FileCheck %s --check-prefix=MEAN --implicit-check-not=gauss.variance --implicit-check-not=math.sqrt

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%{{.*}}: tensor<2x3xf32>, %[[T:.*]]: tensor<2x4xf32>) -> (tensor<2xf32>, tensor<2x4xf32>)
// DRAWS-LABEL: func.func @net
// DRAWS-SAME: (%{{.*}}: tensor<2x3xf32>, %[[T:.*]]: tensor<2x4xf32>, %[[E:.*]]: tensor<5x2x4xf32>) -> (tensor<2xf32>, tensor<2x4xf32>)
// MEAN-LABEL: func.func @net
// MEAN-SAME: (%{{.*}}: tensor<2x3xf32>, %{{.*}}: tensor<2x4xf32>) -> (tensor<2xf32>, tensor<2x4xf32>)
func.func @net(%x: tensor<2x3xf32>) -> !gauss.tensor<2x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x3xf32>
  %y = gauss.dense %x, %w : (tensor<2x3xf32>, !gauss.tensor<4x3xf32>) -> !gauss.tensor<2x4xf32>
  // CHECK: %[[M:.*]] = gauss.mean
  // CHECK: %[[V:.*]] = gauss.variance
  // CHECK: %[[Z:.*]] = tensor.expand_shape %[[M]]
  // The largest logit of each item, and the sum of powers below it.
  // CHECK: %[[PEAK:.*]] = linalg.generic {{.*}} ins(%[[Z]] :
  // CHECK: arith.maxnumf
  // CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[Z]], %[[PEAK]] :
  // CHECK: math.exp
  // t·(log Σ exp z − z), and half of the variance times p·(1 − p).
  // CHECK: %[[LOSS:.*]] = linalg.generic {{.*}} ins(%[[Z]], %[[T]], %[[PEAK]], %[[SUM]], %[[V]] :
  // CHECK: math.log
  // CHECK: %[[P:.*]] = arith.divf
  // CHECK: %[[N:.*]] = arith.negf %[[P]]
  // CHECK: math.fma %[[N]], %[[P]], %[[P]]
  // CHECK: return %[[LOSS]], %[[M]]

  // Draws m + √v·ε; a share of a fifth for each.
  // DRAWS: %[[M:.*]] = gauss.mean
  // DRAWS: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[M]], %{{.*}}, %[[E]] :
  // DRAWS: %[[S:.*]] = math.sqrt
  // DRAWS: math.fma %[[S]]
  // DRAWS: arith.maxnumf
  // DRAWS: math.exp
  // DRAWS: %[[LOSS:.*]] = linalg.generic {{.*}} ins(%[[Z]], %[[T]],
  // DRAWS: math.log
  // DRAWS: arith.constant 2.000000e-01
  // DRAWS: return %[[LOSS]], %[[M]]

  // Of the means alone there is nothing to draw.
  // MEAN: math.log
  return %y : !gauss.tensor<2x4xf32>
}

// What is private is not touched.
// CHECK: func.func private @helper(%{{.*}}: tensor<1xf32>) -> tensor<1xf32>
func.func private @helper(%x: tensor<1xf32>) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}

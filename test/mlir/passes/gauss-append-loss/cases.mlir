// The other losses, and outputs of other shapes.

// RUN: pfp-opt %s --gauss-append-loss=loss=binary | FileCheck %s --check-prefix=BINARY
// RUN: pfp-opt %s --gauss-append-loss=loss=binary:4 | FileCheck %s --check-prefix=LABELS
// RUN: pfp-opt %s --gauss-append-loss=loss=gaussian:0.5 | FileCheck %s --check-prefix=KNOWN --implicit-check-not=gauss.parameter
// RUN: pfp-opt %s --gauss-append-loss=loss=gaussian | FileCheck %s --check-prefix=LEARNED
// RUN: pfp-opt %s --gauss-append-loss=loss=linear | FileCheck %s --check-prefix=LINEAR
// RUN: pfp-opt %s --gauss-append-loss="loss=linear function=image" | FileCheck %s --check-prefix=ONE

// BINARY-LABEL: func.func @net
// BINARY-SAME: (%{{.*}}: !gauss.tensor<2x3xf32>, %[[T:.*]]: tensor<2x3xf32>) -> (tensor<2xf32>, tensor<2x3xf32>)
// The softplus, less t·z.
// BINARY: linalg.generic {{.*}} ins(%{{.*}}, %[[T]], %{{.*}} :
// BINARY: math.log
// BINARY: arith.negf
// BINARY: return

// LABELS-LABEL: func.func @net
// LABELS-SAME: %{{.*}}: tensor<4x2x3xf32>) -> (tensor<2xf32>, tensor<2x3xf32>)

// KNOWN-LABEL: func.func @net
// The logarithm of 0.5, and that of 2π. ½(log 2πτ + ((t − m)² + v)/τ), of the variance exactly.
// KNOWN: arith.constant -0.693147
// KNOWN: arith.constant 1.837877
// KNOWN: %[[D:.*]] = arith.subf
// KNOWN: %[[Q:.*]] = arith.mulf %[[D]], %[[D]]
// KNOWN: arith.addf %[[Q]]
// KNOWN: return

// LEARNED-LABEL: func.func @net
// One noise for each output, whatever the item.
// LEARNED: %[[L:.*]] = gauss.parameter "pfp.noise.log_variance" : tensor<3xf32>
// LEARNED: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[L]] :
// LEARNED: return

// LINEAR-LABEL: func.func @net
// LINEAR: linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
// LINEAR: math.fma
// LINEAR: return

// ONE-LABEL: func.func @net
// ONE-SAME: (%{{.*}}: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
func.func @net(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  return %x : !gauss.tensor<2x3xf32>
}

// All numbers of an item have one loss.
// LINEAR-LABEL: func.func @image
// LINEAR-SAME: (%{{.*}}: tensor<2x3x4xf32>, %{{.*}}: tensor<2x3x4xf32>) -> (tensor<2xf32>, tensor<2x3x4xf32>)
// LINEAR: tensor.collapse_shape
// LINEAR: return
// ONE-LABEL: func.func @image
// ONE-SAME: -> (tensor<2xf32>, tensor<2x3x4xf32>)
// LABELS-LABEL: func.func @image
// Outputs that are known are not drawn.
// LABELS-SAME: (%{{.*}}: tensor<2x3x4xf32>, %{{.*}}: tensor<2x3x4xf32>) -> (tensor<2xf32>, tensor<2x3x4xf32>)
func.func @image(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  return %x : tensor<2x3x4xf32>
}

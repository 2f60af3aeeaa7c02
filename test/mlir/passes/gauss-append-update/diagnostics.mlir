// RUN: not pfp-opt %s --gauss-append-update 2>&1 | FileCheck %s --check-prefix=GRADIENT
// RUN: not pfp-opt %s --gauss-append-update=optimiser=lion 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not pfp-opt %s --gauss-append-update=optimiser=sgd:1 2>&1 | FileCheck %s --check-prefix=MOMENTUM
// RUN: not pfp-opt %s --gauss-to-gradient=loss=linear --gauss-append-update 2>&1 | FileCheck %s --check-prefix=PLAIN

// GRADIENT: error: 'builtin.module' op has no function that returns a gradient: --gauss-gradient makes one
// KIND: error: 'builtin.module' op no optimiser 'lion'; known: adam, sgd, sgd:MOMENTUM
// MOMENTUM: error: 'builtin.module' op the momentum in 'sgd:1' is not a number from 0 to below 1
// PLAIN: error: 'func.func' op takes 'w', which is no mean with a variance: only Gaussian parameters are updated; load the others before
func.func @net(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %w = gauss.parameter "w" : tensor<4x3xf32>
  %0 = gauss.dense %x, %w : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

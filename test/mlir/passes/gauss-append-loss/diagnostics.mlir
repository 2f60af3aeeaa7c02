// RUN: pfp-opt %s --split-input-file --gauss-append-loss=loss=cross-entropy --verify-diagnostics
// RUN: not pfp-opt %s --split-input-file --gauss-append-loss=loss=linear 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not pfp-opt %s --gauss-append-loss 2>&1 | FileCheck %s --check-prefix=LOSS
// RUN: not pfp-opt %s --gauss-append-loss=loss=hinge 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not pfp-opt %s --gauss-append-loss=loss=linear:1 2>&1 | FileCheck %s --check-prefix=LINEAR
// RUN: not pfp-opt %s --gauss-append-loss=loss=binary:0 2>&1 | FileCheck %s --check-prefix=DRAWS
// RUN: not pfp-opt %s --gauss-append-loss=loss=cross-entropy:65537 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not pfp-opt %s --gauss-append-loss=loss=gaussian:0 2>&1 | FileCheck %s --check-prefix=VARIANCE
// RUN: not pfp-opt %s --gauss-append-loss=loss=gaussian:1e-60 2>&1 | FileCheck %s --check-prefix=SMALL
// RUN: not pfp-opt %s --gauss-append-loss="loss=linear function=other" 2>&1 | FileCheck %s --check-prefix=FUNCTION

// NUMBER: error: 'func.func' op returns a number without a dimension of items
// LOSS: error: 'builtin.module' op gauss-append-loss needs loss=LOSS
// KIND: error: 'builtin.module' op no loss 'hinge'; known: cross-entropy[:DRAWS], binary[:DRAWS], gaussian[:VARIANCE], linear
// LINEAR: error: 'builtin.module' op no loss 'linear:1'; known:
// DRAWS: error: 'builtin.module' op the number of draws in 'binary:0' is not from 1 to 65536
// MANY: error: 'builtin.module' op the number of draws in 'cross-entropy:65537' is not from 1 to 65536
// VARIANCE: error: 'builtin.module' op the variance '0' is not a positive number of float32
// SMALL: error: 'builtin.module' op the variance '1e-60' is not a positive number of float32
// FUNCTION: error: 'builtin.module' op has no public function 'other' for the loss

// expected-error @+1 {{returns 2 values; a loss is for one}}
func.func @two(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  return %x, %x : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// expected-error @+1 {{needs a batch that is fixed: --gauss-set-batch}}
func.func @open(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  return %x : tensor<?x2xf32>
}

// -----

// expected-error @+1 {{returns tensor<1x2x2xf32>, which are no logits of 2 or more classes for each item: a binary classifier has the loss 'binary', a regression 'gaussian'}}
func.func @image(%x: tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  return %x : tensor<1x2x2xf32>
}

// -----

// expected-error @+1 {{returns !gauss.tensor<3x1xf32>, which are no logits of 2 or more classes for each item}}
func.func @one(%x: !gauss.tensor<3x1xf32>) -> !gauss.tensor<3x1xf32> {
  return %x : !gauss.tensor<3x1xf32>
}

// -----

// expected-error @+1 {{has control flow; a loss is appended to a single return}}
func.func @branches(%x: tensor<1x2xf32>, %c: i1) -> tensor<1x2xf32> {
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  return %x : tensor<1x2xf32>
^bb2:
  return %x : tensor<1x2xf32>
}

// -----

// expected-error @+1 {{returns tensor<f32>, which are no logits of 2 or more classes for each item}}
func.func @number(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

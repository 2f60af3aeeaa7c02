// RUN: pfp-opt %s --gauss-fold-batch-norm -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --gauss-fold-batch-norm=epsilon=1 2>&1 | FileCheck %s

// CHECK: error: gauss-fold-batch-norm: no option 'epsilon'; it takes none

func.func @negative_running_variance(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %v = arith.constant dense<[1.0, -0.5]> : tensor<2xf32>
  // expected-error @+1 {{'gauss.batch_norm' op has running variance -0.5 at element 1; it must be finite and not negative}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %v
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

func.func @nothing_to_divide_by(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %v = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  // expected-error @+1 {{'gauss.batch_norm' op has running variance 0 at channel 1; with epsilon 0 added it must be positive, as it is divided by: give an epsilon}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %v epsilon 0.0
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

func.func @nan_running_variance(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %v = arith.constant dense<[0x7FC00000, 1.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-error @+1 {{'gauss.batch_norm' op has running variance NaN at element 0; it must be finite and not negative}}
  %1 = gauss.batch_norm %0, %c, %c, %c, %v
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

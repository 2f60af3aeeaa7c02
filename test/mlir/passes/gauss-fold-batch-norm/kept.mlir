// What does not fold: the op stays, and lowers like any other.

// RUN: pfp-opt %s --gauss-fold-batch-norm | FileCheck %s
// RUN: pfp-opt %s --gauss-fold-batch-norm --lower-gauss | FileCheck %s --check-prefix=LOWERED --implicit-check-not=gauss.

// LOWERED: math.sqrt

// A Gaussian gamma is one random factor of all the products that make an output:
// it cannot go into weights that are independent of each other.
// CHECK-LABEL: func.func @gaussian_gamma
// CHECK: gauss.batch_norm
func.func @gaussian_gamma(%x: tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %gamma = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %c, %c, %c
    : (tensor<?x2xf32>, !gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  return %1 : !gauss.tensor<?x2xf32>
}

// CHECK-LABEL: func.func @parameters_not_loaded
// CHECK: gauss.batch_norm
func.func @parameters_not_loaded(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = gauss.parameter "bn" : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @weight_not_loaded
// CHECK: gauss.batch_norm
func.func @weight_not_loaded(%x: tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "fc" : !gauss.tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, !gauss.tensor<2x2xf32>) -> !gauss.tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  return %1 : !gauss.tensor<?x2xf32>
}

// Somebody else needs what the layer gives without normalisation.
// CHECK-LABEL: func.func @another_user
// CHECK: gauss.batch_norm
func.func @another_user(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
}

// CHECK-LABEL: func.func @after_an_activation
// CHECK: gauss.relu
// CHECK: gauss.batch_norm
func.func @after_an_activation(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.relu %0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = gauss.batch_norm %1, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// A network may begin with it.
// CHECK-LABEL: func.func @of_the_input
// CHECK: gauss.batch_norm
func.func @of_the_input(%x: !gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x4x4xf32> {
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.batch_norm %x, %c, %c, %c, %c
    : (!gauss.tensor<?x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x4x4xf32>
  return %0 : !gauss.tensor<?x2x4x4xf32>
}

// The factor of the second channel would be infinite.
// CHECK-LABEL: func.func @infinite_factor
// CHECK: gauss.batch_norm
func.func @infinite_factor(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %g = arith.constant dense<[2.0, 3.0e+38]> : tensor<2xf32>
  %c = arith.constant dense<[2.0, 1.0e-30]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %g, %c, %c, %c epsilon 0.0
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// The border becomes another number in each channel.
// CHECK-LABEL: func.func @padding
// CHECK: gauss.pad
// CHECK: gauss.batch_norm
func.func @padding(%x: tensor<?x1x4xf32>) -> tensor<?x2x5xf32> {
  %w = arith.constant dense<2.0> : tensor<2x1x1xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.conv1d %x, %w : (tensor<?x1x4xf32>, tensor<2x1x1xf32>) -> tensor<?x2x4xf32>
  %1 = gauss.pad %0 low [0, 0, 1] high [0, 0, 0] : (tensor<?x2x4xf32>) -> tensor<?x2x5xf32>
  %2 = gauss.batch_norm %1, %c, %c, %c, %c
    : (tensor<?x2x5xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x5xf32>
  return %2 : tensor<?x2x5xf32>
}

// Padding adds channels that the layer has not.
// CHECK-LABEL: func.func @more_channels
// CHECK: gauss.pad
// CHECK: gauss.batch_norm
func.func @more_channels(%x: tensor<?x1x4xf32>) -> tensor<?x3x4xf32> {
  %w = arith.constant dense<2.0> : tensor<2x1x1xf32>
  %c = arith.constant dense<[2.0, 4.0, 2.0]> : tensor<3xf32>
  %0 = gauss.conv1d %x, %w : (tensor<?x1x4xf32>, tensor<2x1x1xf32>) -> tensor<?x2x4xf32>
  %1 = gauss.pad %0 low [0, 0, 0] high [0, 1, 0] mode "edge" : (tensor<?x2x4xf32>) -> tensor<?x3x4xf32>
  %2 = gauss.batch_norm %1, %c, %c, %c, %c
    : (tensor<?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x4xf32>
  return %2 : tensor<?x3x4xf32>
}

// Shapes that do not fit: gauss.dense, gauss.batch_norm, gauss.add, gauss.reshape
// and gauss.flatten.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @dense_depth(%x: !gauss.tensor<2x3xf32>, %w: !gauss.tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.dense' op multiplies !gauss.tensor<2x3xf32> by the weight !gauss.tensor<2x4xf32>: the input has 3 features, the weight takes 4}}
  %0 = gauss.dense %x, %w : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<2x2xf32>
  return
}

// -----

func.func @dense_on_an_image(%x: !gauss.tensor<2x3x1xf32>, %w: !gauss.tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.dense' op needs a tensor of rank 2, got !gauss.tensor<2x3x1xf32>}}
  %0 = gauss.dense %x, %w : (!gauss.tensor<2x3x1xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x2xf32>
  return
}

// -----

func.func @dense_by_a_vector(%x: !gauss.tensor<2x3xf32>, %w: !gauss.tensor<6xf32>) {
  // expected-error @+1 {{'gauss.dense' op needs a tensor of rank 2, got !gauss.tensor<6xf32>}}
  %0 = gauss.dense %x, %w : (!gauss.tensor<2x3xf32>, !gauss.tensor<6xf32>) -> !gauss.tensor<2x2xf32>
  return
}

// -----

func.func @dense_bias(%x: tensor<2x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.dense' op has 2 outputs but the bias tensor<3xf32>}}
  %0 = gauss.dense %x, %w, %b : (tensor<2x3xf32>, !gauss.tensor<2x3xf32>, tensor<3xf32>) -> !gauss.tensor<2x2xf32>
  return
}

// -----

func.func @dense_without_weight(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.dense' op expected 2 or more operands, but found 1}}
  %0 = "gauss.dense"(%x) : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @dense_result(%x: !gauss.tensor<?x3xf32>, %w: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.dense' op has result type '!gauss.tensor<?x3xf32>', but its operands and attributes give '!gauss.tensor<?x2xf32>'}}
  %0 = gauss.dense %x, %w : (!gauss.tensor<?x3xf32>, tensor<2x3xf32>) -> !gauss.tensor<?x3xf32>
  return
}

// -----

func.func @batch_norm_without_channels(%x: !gauss.tensor<?xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op needs an input with a channel dimension, got !gauss.tensor<?xf32>}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %c
    : (!gauss.tensor<?xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<?xf32>
  return
}

// -----

func.func @batch_norm_gamma(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: !gauss.tensor<3xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op needs 4 values as gamma, one for each channel of tensor<1x4xf32>, got !gauss.tensor<3xf32>}}
  %0 = gauss.batch_norm %x, %p, %c, %c, %c
    : (tensor<1x4xf32>, !gauss.tensor<3xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_beta(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: tensor<4x1xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op needs 4 values as beta, one for each channel of tensor<1x4xf32>, got tensor<4x1xf32>}}
  %0 = gauss.batch_norm %x, %c, %p, %c, %c
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4x1xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_running_mean(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op needs 4 values as running_mean, one for each channel of tensor<1x4xf32>, got tensor<3xf32>}}
  %0 = gauss.batch_norm %x, %c, %c, %p, %c
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_running_variance(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op needs 4 values as running_variance, one for each channel of tensor<1x4xf32>, got tensor<3xf32>}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %p
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_gaussian_statistics(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op operand #3 must be ranked tensor of 32-bit float values, but got '!gauss.tensor<4xf32>'}}
  %0 = gauss.batch_norm %x, %c, %c, %p, %c
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, !gauss.tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_negative_epsilon(%x: tensor<1x4xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op has a negative or infinite 'epsilon', or one that is not a number}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %c epsilon -1.0
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_infinite_epsilon(%x: tensor<1x4xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op has a negative or infinite 'epsilon', or one that is not a number}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %c epsilon 0x7FF0000000000000
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @batch_norm_nan_epsilon(%x: tensor<1x4xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.batch_norm' op has a negative or infinite 'epsilon', or one that is not a number}}
  %0 = gauss.batch_norm %x, %c, %c, %c, %c epsilon 0x7FF8000000000000
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @add_shapes(%x: !gauss.tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.add' op adds !gauss.tensor<2x3xf32> and tensor<3xf32>, whose shapes differ}}
  %0 = gauss.add %x, %y : (!gauss.tensor<2x3xf32>, tensor<3xf32>) -> !gauss.tensor<2x3xf32>
  return
}

// -----

// A dynamic batch is not known to be 2.
func.func @add_batches(%x: !gauss.tensor<?x3xf32>, %y: !gauss.tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.add' op adds !gauss.tensor<?x3xf32> and !gauss.tensor<2x3xf32>, whose shapes differ}}
  %0 = gauss.add %x, %y : (!gauss.tensor<?x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<?x3xf32>
  return
}

// -----

func.func @reshape_elements(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.reshape' op turns tensor<2x3xf32> into tensor<5xf32>, which has not the same elements}}
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @reshape_to_gaussian(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.reshape' op turns tensor<2x3xf32> into !gauss.tensor<6xf32>: both must be Gaussian or neither}}
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> !gauss.tensor<6xf32>
  return
}

// -----

func.func @reshape_splits_the_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.reshape' op turns tensor<?x4xf32> into tensor<?x2xf32>, which has not the same elements}}
  %0 = gauss.reshape %x : (tensor<?x4xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @reshape_fixes_the_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.reshape' op turns tensor<?x4xf32> into tensor<8xf32>, which has not the same elements}}
  %0 = gauss.reshape %x : (tensor<?x4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @reshape_to_nothing(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.reshape' op has a result of type tensor<6x0xf32>: no size may be 0}}
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<6x0xf32>
  return
}

// -----

// 3·6148914691236517206 is 2 modulo 2^64.
func.func @reshape_overflows(%x: tensor<2xf32>) {
  // expected-error @+1 {{'gauss.reshape' op has a result of type tensor<3x6148914691236517206xf32>: more than 2^28 elements}}
  %0 = gauss.reshape %x : (tensor<2xf32>) -> tensor<3x6148914691236517206xf32>
  return
}

// -----

func.func @reshape_moves_the_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.reshape' op has a result of type tensor<4x?xf32>: only the leading dimension, the batch, may be dynamic}}
  %0 = gauss.reshape %x : (tensor<?x4xf32>) -> tensor<4x?xf32>
  return
}

// -----

func.func @reshape_from_nothing(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'gauss.reshape' op has operand 0 of type tensor<2x0xf32>: no size may be 0}}
  %0 = gauss.reshape %x : (tensor<2x0xf32>) -> tensor<0xf32>
  return
}

// -----

func.func @flatten_a_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{'gauss.flatten' op needs an input with a batch dimension, got tensor<f32>}}
  %0 = gauss.flatten %x : (tensor<f32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @flatten_a_batch_of_scalars(%x: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.flatten' op has result type 'tensor<3xf32>', but its operands and attributes give 'tensor<3x1xf32>'}}
  %0 = gauss.flatten %x : (tensor<3xf32>) -> tensor<3xf32>
  return
}

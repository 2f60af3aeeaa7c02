// Diagnostics of gauss.parameter, gauss.constant, gauss.make, gauss.mean and
// gauss.variance.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @parameter_with_empty_name() {
  // expected-error @+1 {{'gauss.parameter' op needs a name that is not empty}}
  %0 = gauss.parameter "" : tensor<2xf32>
  return
}

// -----

func.func @parameter_without_shape() {
  // expected-error @+1 {{'gauss.parameter' op has type tensor<?x2xf32>: the shape of a parameter is static}}
  %0 = gauss.parameter "w" : tensor<?x2xf32>
  return
}

// -----

func.func @parameter_with_dynamic_batch() {
  // expected-error @+1 {{'gauss.parameter' op has type !gauss.tensor<?x2xf32>: the shape of a parameter is static}}
  %0 = gauss.parameter "w" : !gauss.tensor<?x2xf32>
  return
}

// -----

func.func @parameter_without_elements() {
  // expected-error @+1 {{'gauss.parameter' op has type tensor<2x0xf32>: no size may be 0}}
  %0 = gauss.parameter "w" : tensor<2x0xf32>
  return
}

// -----

func.func @parameter_in_double() {
  // expected-error @+1 {{'gauss.parameter' op result #0 must be f32 tensor, Gaussian (`!gauss.tensor`) or deterministic (`tensor`), but got 'tensor<2xf64>'}}
  %0 = gauss.parameter "w" : tensor<2xf64>
  return
}

// -----

func.func @parameter_in_memory() {
  // expected-error @+1 {{'gauss.parameter' op result #0 must be f32 tensor}}
  %0 = gauss.parameter "w" : memref<2xf32>
  return
}

// -----

func.func @parameter_without_name() {
  // expected-error @+1 {{'gauss.parameter' op requires attribute 'name'}}
  %0 = "gauss.parameter"() : () -> !gauss.tensor<2xf32>
  return
}

// -----

func.func @parameter_named_by_a_number() {
  // expected-error @+1 {{'gauss.parameter' op attribute 'name' failed to satisfy constraint: string attribute}}
  %0 = "gauss.parameter"() {name = 1} : () -> !gauss.tensor<2xf32>
  return
}

// -----

func.func @negative_variance() {
  // expected-error @+1 {{'gauss.constant' op has variance -1 at element 0; it must be finite and not negative}}
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<-1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @nan_variance() {
  // expected-error @+1 {{'gauss.constant' op has variance NaN at element 1; it must be finite and not negative}}
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<[1.0, 0x7FC00000]> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @infinite_variance() {
  // expected-error @+1 {{'gauss.constant' op has variance inf at element 1; it must be finite and not negative}}
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<[1.0, 0x7F800000]> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @infinite_mean() {
  // expected-error @+1 {{'gauss.constant' op has mean -inf at element 0; it must be finite}}
  %0 = gauss.constant mean(dense<0xFF800000> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @nan_mean() {
  // expected-error @+1 {{'gauss.constant' op has mean NaN at element 0; it must be finite}}
  %0 = gauss.constant mean(dense<0x7FC00000> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

// A zero variance is an ordinary value.
func.func @zero_variance() {
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<0.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @negative_variance_in_a_resource() {
  // expected-error @+1 {{'gauss.constant' op has variance -2 at element 1; it must be finite and not negative}}
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense_resource<negative> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

{-# dialect_resources: { builtin: { negative: "0x040000000000803F000000C0" } } #-}

// -----

func.func @short_resource() {
  // expected-error @+1 {{'gauss.constant' op has a mean that is not dense f32 data of its shape}}
  %0 = gauss.constant mean(dense_resource<short> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

{-# dialect_resources: { builtin: { short: "0x040000000000803F" } } #-}

// -----

func.func @resource_without_data() {
  // expected-error @+1 {{'gauss.constant' op has a mean that is not dense f32 data of its shape}}
  %0 = gauss.constant mean(dense_resource<absent> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @sparse_mean() {
  // expected-error @+1 {{'gauss.constant' op has a mean that is not dense f32 data of its shape}}
  %0 = gauss.constant mean(sparse<[[0]], [1.0]> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @mean_of_another_shape() {
  // expected-error @+1 {{'gauss.constant' op has a mean of type tensor<3xf32>, which does not fit !gauss.tensor<2xf32>}}
  %0 = gauss.constant mean(dense<1.0> : tensor<3xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @variance_in_double() {
  // expected-error @+1 {{'gauss.constant' op has a variance of type tensor<2xf64>, which does not fit !gauss.tensor<2xf32>}}
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf64>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @mean_of_integers() {
  // expected-error @+1 {{'gauss.constant' op has a mean of type tensor<2xi32>, which does not fit !gauss.tensor<2xf32>}}
  %0 = gauss.constant mean(dense<1> : tensor<2xi32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @mean_as_a_vector() {
  // expected-error @+1 {{'gauss.constant' op has a mean of type vector<2xf32>, which does not fit !gauss.tensor<2xf32>}}
  %0 = gauss.constant mean(dense<1.0> : vector<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// -----

func.func @constant_with_dynamic_batch() {
  // expected-error @+1 {{'gauss.constant' op has type !gauss.tensor<?xf32>: the shape of a constant is static}}
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<?xf32>
  return
}

// -----

func.func @constant_without_variance() {
  // expected-error @+1 {{'gauss.constant' op requires attribute 'variance'}}
  %0 = "gauss.constant"() {mean = dense<1.0> : tensor<2xf32>} : () -> !gauss.tensor<2xf32>
  return
}

// -----

func.func @constant_with_a_scalar_variance() {
  // expected-error @+1 {{'gauss.constant' op attribute 'variance' failed to satisfy constraint: constant vector/tensor attribute}}
  %0 = "gauss.constant"() {mean = dense<1.0> : tensor<2xf32>, variance = 1.0 : f32} : () -> !gauss.tensor<2xf32>
  return
}

// -----

func.func @make_of_different_shapes(%mean: tensor<2x3xf32>, %variance: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.make' op failed to verify that all of {mean, variance} have same type}}
  %0 = "gauss.make"(%mean, %variance) : (tensor<2x3xf32>, tensor<2x4xf32>) -> !gauss.tensor<2x3xf32>
  return
}

// -----

func.func @make_of_gaussians(%x: !gauss.tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.make' op operand #0 must be ranked tensor of 32-bit float values, but got '!gauss.tensor<2x3xf32>'}}
  %0 = "gauss.make"(%x, %x) : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return
}

// -----

func.func @make_deterministic(%x: tensor<2xf32>) {
  // expected-error @+1 {{'gauss.make' op result #0 must be tensor of Gaussians, known by mean and variance, but got 'tensor<2xf32>'}}
  %0 = "gauss.make"(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @mean_of_a_deterministic_tensor(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.mean' op operand #0 must be tensor of Gaussians, known by mean and variance, but got 'tensor<2x3xf32>'}}
  %0 = "gauss.mean"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @variance_of_a_deterministic_tensor(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.variance' op operand #0 must be tensor of Gaussians, known by mean and variance, but got 'tensor<2x3xf32>'}}
  %0 = "gauss.variance"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @mean_with_another_shape(%x: !gauss.tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.mean' op has result type 'tensor<3x2xf32>', but its operands and attributes give 'tensor<2x3xf32>'}}
  %0 = "gauss.mean"(%x) : (!gauss.tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

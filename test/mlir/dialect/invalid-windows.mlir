// Diagnostics of maxima with covariances.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @known(%x: tensor<1x1x4xf32>, %c: tensor<1x1x3xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has covariances of tensor<1x1x4xf32>, which is deterministic}}
  %0 = gauss.max_pool1d %x, %c kernel [2] : (tensor<1x1x4xf32>, tensor<1x1x3xf32>) -> tensor<1x1x3xf32>
  return
}

// -----

func.func @too_large(%x: !gauss.tensor<1x1x8xf32>, %c: tensor<1x1x4xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has covariances and a window of 5 elements; they are taken for windows of 2 to 4 elements that all lie in the input, without padding and without 'ceil'}}
  %0 = gauss.max_pool1d %x, %c kernel [5] : (!gauss.tensor<1x1x8xf32>, tensor<1x1x4xf32>) -> !gauss.tensor<1x1x4xf32>
  return
}

// -----

func.func @too_small(%x: !gauss.tensor<1x1x2x2xf32>, %c: tensor<1x1x2x2xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has covariances and a window of 1 element; they are taken}}
  %0 = gauss.max_pool2d %x, %c kernel [1, 1] : (!gauss.tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> !gauss.tensor<1x1x2x2xf32>
  return
}

// -----

func.func @padded(%x: !gauss.tensor<1x1x4xf32>, %c: tensor<1x1x4xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has covariances and padding; they are taken}}
  %0 = gauss.max_pool1d %x, %c kernel [2] padding [0, 1] : (!gauss.tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> !gauss.tensor<1x1x4xf32>
  return
}

// -----

func.func @ceil(%x: !gauss.tensor<1x1x5xf32>, %c: tensor<1x1x3xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has covariances and 'ceil'; they are taken}}
  %0 = gauss.max_pool1d %x, %c kernel [2] strides [2] ceil true : (!gauss.tensor<1x1x5xf32>, tensor<1x1x3xf32>) -> !gauss.tensor<1x1x3xf32>
  return
}

// -----

func.func @number(%x: !gauss.tensor<1x1x4x4xf32>, %c: tensor<1x1x2x2xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has 1 covariance of windows of 4 elements, which have 6 pairs}}
  %0 = gauss.max_pool2d %x, %c kernel [2, 2] strides [2, 2] : (!gauss.tensor<1x1x4x4xf32>, tensor<1x1x2x2xf32>) -> !gauss.tensor<1x1x2x2xf32>
  return
}

// -----

func.func @number_of_two(%x: !gauss.tensor<1x1x4xf32>, %c: tensor<1x1x3xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has 2 covariances of windows of 2 elements, which have 1 pair}}
  %0 = gauss.max_pool1d %x, %c, %c kernel [2] : (!gauss.tensor<1x1x4xf32>, tensor<1x1x3xf32>, tensor<1x1x3xf32>) -> !gauss.tensor<1x1x3xf32>
  return
}

// -----

func.func @shape(%x: !gauss.tensor<1x1x4xf32>, %c: tensor<1x1x3xf32>, %d: tensor<1x1x2xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has tensor<1x1x3xf32> as covariance 0, which must be tensor<1x1x2xf32>: a number for each window}}
  %0 = gauss.max_pool1d %x, %c, %d, %d kernel [3] : (!gauss.tensor<1x1x4xf32>, tensor<1x1x3xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> !gauss.tensor<1x1x2xf32>
  return
}

// -----

func.func @gaussian(%x: !gauss.tensor<1x1x4xf32>, %c: !gauss.tensor<1x1x3xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op operand #1 must be variadic of ranked tensor of 32-bit float values, but got '!gauss.tensor<1x1x3xf32>'}}
  %0 = gauss.max_pool1d %x, %c kernel [2] : (!gauss.tensor<1x1x4xf32>, !gauss.tensor<1x1x3xf32>) -> !gauss.tensor<1x1x3xf32>
  return
}

// Attributes behind keywords: what is unknown, given twice, missing or no number is named.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @unknown(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{no attribute 'stride'; known: kernel, strides, padding}}
  %0 = gauss.max_pool2d %x kernel [2, 2] stride [2, 2]
    : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  return
}

// -----

func.func @twice(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'strides' is given twice}}
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] strides [1, 1]
    : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  return
}

// -----

func.func @missing(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op requires attribute 'kernel'}}
  %0 = gauss.max_pool2d %x strides [2, 2] : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
  return
}

// -----

func.func @no_number(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'1e-' is not a number}}
  %0 = gauss.interval %x coverage 1e- : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// -----

func.func @no_exponent(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'1e' is not a number}}
  %0 = gauss.interval %x coverage 1e : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// -----

func.func @half_a_number(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'1e5' is not a number}}
  %0 = gauss.interval %x coverage 1e5x : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// -----

func.func @too_large(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.interval' op has 1e39 as 'noise', which does not fit in float32}}
  %0 = gauss.interval %x coverage 0.5 noise 1e39
    : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// -----

func.func @too_large_for_any(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{has a negative or infinite 'noise', or one that is not a number}}
  %0 = gauss.interval %x coverage 0.5 noise 1e999
    : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

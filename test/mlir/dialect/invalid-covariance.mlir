// What has no rule for covariances says so, and what does.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{a gauss.tensor with covariances has the items and their elements as dimensions, not 3}}
func.func private @rank(!gauss.tensor<1x2x3xf32, covariance>)

// -----

// expected-error @+1 {{a gauss.tensor with covariances has up to 4096 elements an item, not 4097}}
func.func private @size(!gauss.tensor<1x4097xf32, covariance>)

// -----

// expected-error @+1 {{expected 'covariance'}}
func.func private @word(!gauss.tensor<1x2xf32, variance>)

// -----

func.func @norm(%x: !gauss.tensor<1x3xf32, covariance>) -> !gauss.tensor<1x3xf32> {
  // expected-error @+1 {{has operand 0 of type !gauss.tensor<1x3xf32, covariance>, whose covariances it has no rule for; gauss.marginals leaves them out}}
  %0 = gauss.layer_norm %x dimensions 1 : (!gauss.tensor<1x3xf32, covariance>) -> !gauss.tensor<1x3xf32>
  return %0 : !gauss.tensor<1x3xf32>
}

// -----

func.func @product(%x: !gauss.tensor<1x3xf32, covariance>, %y: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{has operand 0 of type !gauss.tensor<1x3xf32, covariance>, whose covariances it has no rule for}}
  %0 = gauss.mul %x, %y : (!gauss.tensor<1x3xf32, covariance>, !gauss.tensor<1x3xf32>) -> !gauss.tensor<1x3xf32, covariance>
  return
}

// -----

func.func @marginals(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{takes a tensor with covariances, not !gauss.tensor<1x3xf32>}}
  %0 = gauss.marginals %x : (!gauss.tensor<1x3xf32>) -> !gauss.tensor<1x3xf32>
  return
}

// -----

func.func @head(%x: !gauss.tensor<1x3xf32>, %c: tensor<1x3x2xf32>) {
  // expected-error @+1 {{has tensor<1x3x2xf32> as the covariances of !gauss.tensor<1x3xf32>, which do not fit}}
  %0 = gauss.softmax %x, %c method "mean-field" : (!gauss.tensor<1x3xf32>, tensor<1x3x2xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @draws(%x: !gauss.tensor<1x65xf32, covariance>) {
  // expected-error @+1 {{draws 65 classes with covariances; up to 64 are supported}}
  %0 = gauss.softmax %x method "sample" draws 10 : (!gauss.tensor<1x65xf32, covariance>) -> tensor<1x65xf32>
  return
}

// -----

func.func @gain(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{has the function 'pool', which is no activation}}
  %0 = gauss.gain %x function "pool" : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return
}

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

// -----

// expected-error @+1 {{a gauss.tensor with covariances is a mixture of 3, 5, 9, 15, 25, 45 or 75 nodes, not 4}}
func.func private @four(!gauss.tensor<1x2xf32, covariance<4>>)

// -----

// expected-error @+1 {{a gauss.tensor with covariances is a mixture of 3, 5, 9, 15, 25, 45 or 75 nodes, not 0}}
func.func private @none(!gauss.tensor<1x2xf32, covariance<0>>)

// -----

// expected-error @+1 {{a gauss.tensor with covariances has the items and their elements as dimensions, not 3}}
func.func private @rank_of_mixture(!gauss.tensor<1x2x3xf32, covariance<3>>)

// -----

func.func @nodes_of_no_mixture(%x: !gauss.tensor<1x3xf32, covariance>) {
  // expected-error @+1 {{takes a mixture, as gauss.scale_mixture gives, not !gauss.tensor<1x3xf32, covariance>}}
  %0 = gauss.nodes %x : (!gauss.tensor<1x3xf32, covariance>) -> !gauss.tensor<1x3x3xf32>
  return
}

// -----

func.func @covariance_of_no_nodes(%x: !gauss.tensor<1x3xf32, covariance>) {
  // expected-error @+1 {{takes a mixture, as gauss.scale_mixture gives, not !gauss.tensor<1x3xf32, covariance>}}
  %0 = gauss.covariance %x of_nodes true : (!gauss.tensor<1x3xf32, covariance>) -> tensor<1x3x3xf32>
  return
}

// -----

func.func @mix(%x: !gauss.tensor<1x4x3xf32>) {
  // expected-error @+1 {{takes nodes, 3, 5, 9, 15, 25, 45 or 75, as the second dimension, not !gauss.tensor<1x4x3xf32>}}
  %0 = gauss.mix %x : (!gauss.tensor<1x4x3xf32>) -> !gauss.tensor<1x3xf32>
  return
}

// -----

func.func @scale_nodes(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @+1 {{takes a variance and a mean for each item, not tensor<2xf32> and tensor<3xf32>}}
  %0 = gauss.scale_nodes %x, %y nodes 5 : (tensor<2xf32>, tensor<3xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @four_nodes(%x: tensor<2xf32>) {
  // expected-error @+1 {{needs 3 or 5 as 'nodes'}}
  %0 = gauss.scale_nodes %x, %x nodes 4 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @groups(%x: !gauss.tensor<2x6xf32>, %w: !gauss.tensor<3x6xf32>) {
  // expected-error @+1 {{has 4 groups of the elements of !gauss.tensor<2x6xf32>, which are not equal}}
  %0 = gauss.scale_mixture %x, %x, %w nodes 5 groups 4
    : (!gauss.tensor<2x6xf32>, !gauss.tensor<2x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<2x3xf32, covariance<5>>
  return
}

// -----

func.func @no_groups(%x: !gauss.tensor<2x6xf32>, %w: !gauss.tensor<3x6xf32>) {
  // expected-error @+1 {{'groups'}}
  %0 = gauss.scale_mixture %x, %x, %w nodes 5 groups 0
    : (!gauss.tensor<2x6xf32>, !gauss.tensor<2x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<2x3xf32, covariance<5>>
  return
}

// -----

func.func @known_weight(%x: !gauss.tensor<2x6xf32>, %w: tensor<3x6xf32>) {
  // expected-error @+1 {{operand #2 must be tensor of Gaussians, known by mean and variance, but got 'tensor<3x6xf32>'}}
  %0 = gauss.scale_mixture %x, %x, %w nodes 5 groups 6
    : (!gauss.tensor<2x6xf32>, !gauss.tensor<2x6xf32>, tensor<3x6xf32>) -> !gauss.tensor<2x3xf32, covariance<5>>
  return
}

// -----

func.func @before(%x: !gauss.tensor<2x6xf32>, %z: !gauss.tensor<2x5xf32>, %w: !gauss.tensor<3x6xf32>) {
  // expected-error @+1 {{has the input !gauss.tensor<2x6xf32>, computed of !gauss.tensor<2x5xf32>, which is not of its shape}}
  %0 = gauss.scale_mixture %x, %z, %w nodes 5 groups 6
    : (!gauss.tensor<2x6xf32>, !gauss.tensor<2x5xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<2x3xf32, covariance<5>>
  return
}

// -----

func.func @items(%x: !gauss.tensor<2x3xf32, covariance<5>>, %y: tensor<2x3xf32>) {
  // expected-error @+1 {{has a mixture, !gauss.tensor<2x3xf32, covariance<5>>, as operand 0, with what is not the same for all items}}
  %0 = gauss.mul %x, %y : (!gauss.tensor<2x3xf32, covariance<5>>, tensor<2x3xf32>) -> !gauss.tensor<2x3xf32, covariance<5>>
  return
}

// -----

func.func @draws_of_mixture(%x: !gauss.tensor<1x65xf32, covariance<5>>) {
  // expected-error @+1 {{draws 65 classes with covariances; up to 64 are supported}}
  %0 = gauss.softmax %x method "sample" draws 10 : (!gauss.tensor<1x65xf32, covariance<5>>) -> tensor<1x65xf32>
  return
}

// -----

func.func @matrices_of_nodes(%x: !gauss.tensor<1x5x3xf32>, %c: tensor<1x3x3xf32>) {
  // expected-error @+1 {{has tensor<1x3x3xf32> as the covariances of !gauss.tensor<1x5x3xf32>, which do not fit}}
  %0 = gauss.softmax %x, %c method "mean-field" : (!gauss.tensor<1x5x3xf32>, tensor<1x3x3xf32>) -> tensor<1x3xf32>
  return
}

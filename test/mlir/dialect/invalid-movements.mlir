// Ops that move elements, sums over dimensions and functions of two tensors: what does not fit.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @transpose_no_permutation(%x: !gauss.tensor<4x3xf32>) {
  // expected-error @+1 {{'gauss.transpose' op has [0, 0], which is no permutation}}
  %0 = gauss.transpose %x permutation [0, 0] : (!gauss.tensor<4x3xf32>) -> !gauss.tensor<4x4xf32>
  return
}

// -----

func.func @transpose_rank(%x: !gauss.tensor<4x3xf32>) {
  // expected-error @+1 {{'gauss.transpose' op has 3 numbers in 'permutation' for !gauss.tensor<4x3xf32> of rank 2}}
  %0 = gauss.transpose %x permutation [0, 1, 2] : (!gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32>
  return
}

// -----

func.func @transpose_batch(%x: !gauss.tensor<?x3xf32>) {
  // expected-error @+1 {{'gauss.transpose' op moves the batch of !gauss.tensor<?x3xf32>, which is not fixed, from its place}}
  %0 = gauss.transpose %x permutation [1, 0] : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<3x4xf32>
  return
}

// -----

func.func @slice_beyond(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.slice' op takes element 4 along axis 1 of tensor<2x4xf32>, which has 4}}
  %0 = gauss.slice %x axis 1 start 2 size 3 : (tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_axis(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.slice' op has the axis 2, which tensor<2x4xf32> does not have}}
  %0 = gauss.slice %x axis 2 size 1 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @slice_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.slice' op has the axis 0, the batch of tensor<?x4xf32>, which is not fixed}}
  %0 = gauss.slice %x axis 0 size 1 : (tensor<?x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @slice_nothing(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.slice' op has 0 as 'size'; it must be in 1..=268435456}}
  %0 = gauss.slice %x axis 1 size 0 : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @pad_reflect(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.pad' op adds 4 elements beside the 4 of a dimension; in this mode at most 3}}
  %0 = gauss.pad %x low [0, 4] high [0, 0] mode "reflect" : (tensor<2x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @pad_mode(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.pad' op has the mode 'wrap'; known: 'constant', 'reflect', 'edge'}}
  %0 = gauss.pad %x low [0, 1] high [0, 0] mode "wrap" : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @pad_value(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.pad' op has a 'value', which the mode 'edge' does not take}}
  %0 = gauss.pad %x low [0, 1] high [0, 0] mode "edge" value 2.0 : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @expand_copies(%x: tensor<2x1xf32>) {
  // expected-error @+1 {{'gauss.expand' op expands tensor<2x1xf32> to the size 0 where it has 1: only a dimension of size 1 is repeated}}
  %0 = gauss.expand %x shape [-1, 0] : (tensor<2x1xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @expand_size(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.expand' op expands tensor<2x4xf32> to the size 8 where it has 4: only a dimension of size 1 is repeated}}
  %0 = gauss.expand %x shape [-1, 8] : (tensor<2x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @upsample_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.upsample' op repeats the items of the batch}}
  %0 = gauss.upsample %x factors [2, 1] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @sum_axis(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.reduce_sum' op has the axis 3, which tensor<2x4xf32> does not have}}
  %0 = gauss.reduce_sum %x axes [1, 3] : (tensor<2x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @sum_order(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.reduce_mean' op has [1, 0] as 'axes'; they ascend, and there is one}}
  %0 = gauss.reduce_mean %x axes [1, 0] : (tensor<2x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @sum_batch(%x: !gauss.tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.reduce_mean' op sums over the batch of !gauss.tensor<?x4xf32>, which is not fixed}}
  %0 = gauss.reduce_mean %x axes [0] : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @concat_sizes(%x: tensor<2x4xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+1 {{'gauss.concat' op joins tensor<2x4xf32> and tensor<3x4xf32> along axis 1: all other sizes must agree}}
  %0 = gauss.concat %x, %y axis 1 : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @division_by_a_gaussian(%x: tensor<2x4xf32>, %y: !gauss.tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.div' op divides by the Gaussian !gauss.tensor<2x4xf32>: the reciprocal of a Gaussian has no moments; make the divisor deterministic}}
  %0 = gauss.div %x, %y : (tensor<2x4xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<2x4xf32>
  return
}

// -----

func.func @shapes(%x: tensor<2x4xf32>, %y: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.mul' op multiplies tensor<2x4xf32> and tensor<2x3xf32>, whose shapes differ}}
  %0 = gauss.mul %x, %y : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

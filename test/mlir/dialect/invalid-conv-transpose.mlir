// Diagnostics of transposed convolutions: attributes, shapes, groups.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @rank(%x: !gauss.tensor<1x4x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op needs a tensor of rank 4, got !gauss.tensor<1x4x8xf32>}}
  %0 = gauss.conv_transpose2d %x, %w : (!gauss.tensor<1x4x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x10xf32>
  return
}

// -----

func.func @weight_of_a_convolution(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op convolves !gauss.tensor<1x4x8x8xf32> with the weight !gauss.tensor<6x4x3x3xf32>, which must take 4 channels, not 6}}
  %0 = gauss.conv_transpose2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<6x4x3x3xf32>) -> !gauss.tensor<1x6x10x10xf32>
  return
}

// -----

func.func @groups(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has 3 groups, which must divide the 4 input channels}}
  %0 = gauss.conv_transpose2d %x, %w groups 3 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x6x10x10xf32>
  return
}

// -----

func.func @no_groups(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has 'groups' that is not a positive integer}}
  %0 = gauss.conv_transpose2d %x, %w groups 0 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x10x10xf32>
  return
}

// -----

func.func @bias_of_a_group(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has 4 outputs but the bias tensor<2xf32>}}
  %0 = gauss.conv_transpose2d %x, %w, %b groups 2 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>, tensor<2xf32>) -> !gauss.tensor<1x4x10x10xf32>
  return
}

// -----

func.func @zero_stride(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has 0 in 'strides'; it must be in 1..=1048576}}
  %0 = gauss.conv_transpose2d %x, %w strides [0, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x10x10xf32>
  return
}

// -----

func.func @output_padding(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has 2 in 'output_padding', which must be smaller than the stride 2 or the dilation 1}}
  %0 = gauss.conv_transpose2d %x, %w strides [2, 2] output_padding [0, 2] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x17x19xf32>
  return
}

// -----

func.func @output_padding_of_stride_one(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has 1 in 'output_padding', which must be smaller than the stride 1 or the dilation 1}}
  %0 = gauss.conv_transpose2d %x, %w output_padding [1, 0] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x11x10xf32>
  return
}

// -----

func.func @negative_output_padding(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has -1 in 'output_padding'; it must be in 0..=1048576}}
  %0 = gauss.conv_transpose2d %x, %w output_padding [-1, 0] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x9x10xf32>
  return
}

// -----

func.func @one_output_padding(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op needs 2 integers as 'output_padding', got 1}}
  %0 = gauss.conv_transpose2d %x, %w output_padding [0] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x10x10xf32>
  return
}

// -----

func.func @nothing_left(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op cuts 10 places off the 10 along spatial dimension 1, which leaves nothing}}
  %0 = gauss.conv_transpose2d %x, %w padding [0, 5, 0, 5] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x10x1xf32>
  return
}

// -----

func.func @result(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv_transpose2d' op has result type '!gauss.tensor<1x2x6x6xf32>', but its operands and attributes give '!gauss.tensor<1x2x10x10xf32>'}}
  %0 = gauss.conv_transpose2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x2x6x6xf32>
  return
}

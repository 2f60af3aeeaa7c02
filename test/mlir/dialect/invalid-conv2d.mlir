// Diagnostics of gauss.conv2d: attributes, shapes, groups.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @zero_stride(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 0 in 'strides'; it must be in 1..=1048576}}
  %0 = gauss.conv2d %x, %w strides [0, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @negative_stride(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has -1 in 'strides'; it must be in 1..=1048576}}
  %0 = gauss.conv2d %x, %w strides [1, -1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @huge_stride(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 2097152 in 'strides'; it must be in 1..=1048576}}
  %0 = gauss.conv2d %x, %w strides [2097152, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @one_stride(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op needs 2 integers as 'strides', got 1}}
  %0 = gauss.conv2d %x, %w strides [1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @three_strides(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op needs 2 integers as 'strides', got 3}}
  %0 = gauss.conv2d %x, %w strides [1, 1, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @negative_padding(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has -1 in 'padding'; it must be in 0..=1048576}}
  %0 = gauss.conv2d %x, %w padding [0, 0, 0, -1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @two_paddings(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op needs 4 integers as 'padding', got 2}}
  %0 = gauss.conv2d %x, %w padding [1, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @zero_dilation(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 0 in 'dilation'; it must be in 1..=1048576}}
  %0 = gauss.conv2d %x, %w dilation [0, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @one_dilation(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op needs 2 integers as 'dilation', got 1}}
  %0 = gauss.conv2d %x, %w dilation [1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @zero_groups(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 'groups' that is not a positive integer}}
  %0 = gauss.conv2d %x, %w groups 0 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @negative_groups(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 'groups' that is not a positive integer}}
  %0 = gauss.conv2d %x, %w groups -2 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @groups_do_not_divide(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 3 groups, which must divide the 4 input channels and the 4 output channels}}
  %0 = gauss.conv2d %x, %w groups 3 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @groups_do_not_divide_the_outputs(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<3x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 2 groups, which must divide the 4 input channels and the 3 output channels}}
  %0 = gauss.conv2d %x, %w groups 2 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<3x2x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @channels_of_a_group(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op convolves !gauss.tensor<1x4x8x8xf32> with the weight !gauss.tensor<4x4x3x3xf32>: in 2 group(s) the weight must take 2 channels, not 4}}
  %0 = gauss.conv2d %x, %w groups 2 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @channels(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op convolves !gauss.tensor<1x4x8x8xf32> with the weight !gauss.tensor<4x2x3x3xf32>: in 1 group(s) the weight must take 4 channels, not 2}}
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @bias(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 4 outputs but the bias tensor<5xf32>}}
  %0 = gauss.conv2d %x, %w, %b : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>, tensor<5xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @bias_of_rank_2(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>, %b: !gauss.tensor<1x4xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has 4 outputs but the bias !gauss.tensor<1x4xf32>}}
  %0 = gauss.conv2d %x, %w, %b : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>, !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @weight_of_rank_3(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op needs a tensor of rank 4, got !gauss.tensor<4x4x3xf32>}}
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @input_of_rank_3(%x: !gauss.tensor<4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op needs a tensor of rank 4, got !gauss.tensor<4x8x8xf32>}}
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @kernel_too_large(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x9x9xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has a 9x9 window that does not fit in !gauss.tensor<1x4x8x8xf32>, padding included}}
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x9x9xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @dilated_kernel_too_large(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has a 3x3 window that does not fit in !gauss.tensor<1x4x8x8xf32>, padding included}}
  %0 = gauss.conv2d %x, %w dilation [4, 4] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @empty_kernel(%x: !gauss.tensor<1x4x8x8xf32>, %w: tensor<4x4x0x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has operand 1 of type tensor<4x4x0x3xf32>: no size may be 0}}
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, tensor<4x4x0x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @result_size(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has result type '!gauss.tensor<1x4x6x6xf32>', but its operands and attributes give '!gauss.tensor<1x4x8x8xf32>'}}
  %0 = gauss.conv2d %x, %w padding [1, 1, 1, 1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @result_kind(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op has result type '!gauss.tensor<1x4x6x6xf32>', but its operands and attributes give 'tensor<1x4x6x6xf32>'}}
  %0 = gauss.conv2d %x, %w : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @padding_too_large(%x: !gauss.tensor<?x4x8x8xf32>, %w: !gauss.tensor<4x4x1x1xf32>) {
  // expected-error @+1 {{'gauss.conv2d' op pads !gauss.tensor<?x4x8x8xf32> to more than 2^28 elements}}
  %0 = gauss.conv2d %x, %w padding [4096, 4096, 4096, 4096] strides [8192, 8192] : (!gauss.tensor<?x4x8x8xf32>, !gauss.tensor<4x4x1x1xf32>) -> !gauss.tensor<?x4x2x2xf32>
  return
}

// Diagnostics of convolutions and pools along lines and through volumes. All else is as in two
// dimensions.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @conv1d_image(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv1d' op needs a tensor of rank 3, got !gauss.tensor<1x4x8x8xf32>}}
  %0 = gauss.conv1d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv1d_two_strides(%x: !gauss.tensor<1x4x8xf32>, %w: !gauss.tensor<4x4x3xf32>) {
  // expected-error @+1 {{'gauss.conv1d' op needs 1 integer as 'strides', got 2}}
  %0 = gauss.conv1d %x, %w strides [1, 1] : (!gauss.tensor<1x4x8xf32>, !gauss.tensor<4x4x3xf32>) -> !gauss.tensor<1x4x6xf32>
  return
}

// -----

func.func @conv1d_window(%x: !gauss.tensor<1x4x8xf32>, %w: !gauss.tensor<4x4x9xf32>) {
  // expected-error @+1 {{'gauss.conv1d' op has a 9 window that does not fit in !gauss.tensor<1x4x8xf32>, padding included}}
  %0 = gauss.conv1d %x, %w : (!gauss.tensor<1x4x8xf32>, !gauss.tensor<4x4x9xf32>) -> !gauss.tensor<1x4x1xf32>
  return
}

// -----

func.func @conv3d_weight_of_an_image(%x: !gauss.tensor<1x4x8x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv3d' op needs a tensor of rank 5, got !gauss.tensor<4x4x3x3xf32>}}
  %0 = gauss.conv3d %x, %w : (!gauss.tensor<1x4x8x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6x6xf32>
  return
}

// -----

func.func @conv3d_three_paddings(%x: !gauss.tensor<1x4x8x8x8xf32>, %w: !gauss.tensor<4x4x3x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv3d' op needs 6 integers as 'padding', got 3}}
  %0 = gauss.conv3d %x, %w padding [1, 1, 1] : (!gauss.tensor<1x4x8x8x8xf32>, !gauss.tensor<4x4x3x3x3xf32>) -> !gauss.tensor<1x4x8x8x8xf32>
  return
}

// -----

func.func @conv3d_window(%x: !gauss.tensor<1x4x2x8x8xf32>, %w: !gauss.tensor<4x4x3x3x3xf32>) {
  // expected-error @+1 {{'gauss.conv3d' op has a 3x3x3 window that does not fit in !gauss.tensor<1x4x2x8x8xf32>, padding included}}
  %0 = gauss.conv3d %x, %w : (!gauss.tensor<1x4x2x8x8xf32>, !gauss.tensor<4x4x3x3x3xf32>) -> !gauss.tensor<1x4x1x6x6xf32>
  return
}

// -----

func.func @conv3d_bias(%x: !gauss.tensor<1x4x3x8x8xf32>, %w: !gauss.tensor<4x4x3x3x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.conv3d' op has 4 outputs but the bias tensor<3xf32>}}
  %0 = gauss.conv3d %x, %w, %b : (!gauss.tensor<1x4x3x8x8xf32>, !gauss.tensor<4x4x3x3x3xf32>, tensor<3xf32>) -> !gauss.tensor<1x4x1x6x6xf32>
  return
}

// -----

func.func @max_pool1d_padding(%x: !gauss.tensor<1x4x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool1d' op has padding 2 at the right, which must be smaller than the kernel's 2: otherwise a window holds nothing but padding}}
  %0 = gauss.max_pool1d %x kernel [2] padding [0, 2] : (!gauss.tensor<1x4x8xf32>) -> !gauss.tensor<1x4x9xf32>
  return
}

// -----

func.func @max_pool3d_padding(%x: !gauss.tensor<1x4x8x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool3d' op has padding 3 at the back, which must be smaller than the kernel's 2: otherwise a window holds nothing but padding}}
  %0 = gauss.max_pool3d %x kernel [2, 2, 2] padding [0, 0, 0, 3, 0, 0] : (!gauss.tensor<1x4x8x8x8xf32>) -> !gauss.tensor<1x4x10x7x7xf32>
  return
}

// -----

func.func @avg_pool1d_kernel(%x: !gauss.tensor<1x4x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool1d' op needs 1 integer as 'kernel', got 2}}
  %0 = gauss.avg_pool1d %x kernel [2, 2] : (!gauss.tensor<1x4x8xf32>) -> !gauss.tensor<1x4x7xf32>
  return
}

// -----

func.func @avg_pool3d_image(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool3d' op needs a tensor of rank 5, got !gauss.tensor<1x4x8x8xf32>}}
  %0 = gauss.avg_pool3d %x kernel [2, 2, 2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7x7xf32>
  return
}

// -----

func.func @global_max_pool_features(%x: !gauss.tensor<1x4xf32>) {
  // expected-error @+1 {{'gauss.global_max_pool' op needs an input with spatial dimensions, N×C×.., got !gauss.tensor<1x4xf32>}}
  %0 = gauss.global_max_pool %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return
}

// -----

func.func @global_max_pool_without_dimensions(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.global_max_pool' op has result type '!gauss.tensor<1x4xf32>', but its operands and attributes give '!gauss.tensor<1x4x1x1xf32>'}}
  %0 = gauss.global_max_pool %x : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4xf32>
  return
}

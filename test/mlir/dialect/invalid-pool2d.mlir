// Diagnostics of gauss.max_pool2d and gauss.avg_pool2d: attributes and shapes.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @max_zero_kernel(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has 0 in 'kernel'; it must be in 1..=256}}
  %0 = gauss.max_pool2d %x kernel [0, 2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_huge_kernel(%x: !gauss.tensor<1x1x512x512xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has 257 in 'kernel'; it must be in 1..=256}}
  %0 = gauss.max_pool2d %x kernel [1, 257] : (!gauss.tensor<1x1x512x512xf32>) -> !gauss.tensor<1x1x512x256xf32>
  return
}

// -----

func.func @max_one_kernel_size(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op needs 2 integers as 'kernel', got 1}}
  %0 = gauss.max_pool2d %x kernel [2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_no_kernel(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op requires attribute 'kernel'}}
  %0 = gauss.max_pool2d %x : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_zero_stride(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has 0 in 'strides'; it must be in 1..=1048576}}
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [0, 1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_one_stride(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op needs 2 integers as 'strides', got 1}}
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_negative_padding(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has -1 in 'padding'; it must be in 0..=1048576}}
  %0 = gauss.max_pool2d %x kernel [2, 2] padding [-1, 0, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_two_paddings(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op needs 4 integers as 'padding', got 2}}
  %0 = gauss.max_pool2d %x kernel [2, 2] padding [1, 1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_window_of_padding_at_the_top(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has padding 2 at the top, which must be smaller than the kernel's 2: otherwise a window holds nothing but padding}}
  %0 = gauss.max_pool2d %x kernel [2, 3] padding [2, 0, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_window_of_padding_at_the_left(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has padding 3 at the left, which must be smaller than the kernel's 3: otherwise a window holds nothing but padding}}
  %0 = gauss.max_pool2d %x kernel [2, 3] padding [0, 3, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_window_of_padding_at_the_bottom(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has padding 2 at the bottom, which must be smaller than the kernel's 2: otherwise a window holds nothing but padding}}
  %0 = gauss.max_pool2d %x kernel [2, 3] padding [0, 0, 2, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_window_of_padding_at_the_right(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has padding 3 at the right, which must be smaller than the kernel's 3: otherwise a window holds nothing but padding}}
  %0 = gauss.max_pool2d %x kernel [2, 3] padding [0, 0, 0, 3] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_kernel_too_large(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has a 9x9 window that does not fit in !gauss.tensor<1x4x8x8xf32>, padding included}}
  %0 = gauss.max_pool2d %x kernel [9, 9] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_input_of_rank_3(%x: !gauss.tensor<4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op needs a tensor of rank 4, got !gauss.tensor<4x8x8xf32>}}
  %0 = gauss.max_pool2d %x kernel [2, 2] : (!gauss.tensor<4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @max_result_size(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has result type '!gauss.tensor<1x4x7x7xf32>', but its operands and attributes give '!gauss.tensor<1x4x4x4xf32>'}}
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_zero_kernel(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has 0 in 'kernel'; it must be in 1..=256}}
  %0 = gauss.avg_pool2d %x kernel [0, 2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_huge_kernel(%x: !gauss.tensor<1x1x512x512xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has 257 in 'kernel'; it must be in 1..=256}}
  %0 = gauss.avg_pool2d %x kernel [1, 257] : (!gauss.tensor<1x1x512x512xf32>) -> !gauss.tensor<1x1x512x256xf32>
  return
}

// -----

func.func @avg_one_kernel_size(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op needs 2 integers as 'kernel', got 1}}
  %0 = gauss.avg_pool2d %x kernel [2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_no_kernel(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op requires attribute 'kernel'}}
  %0 = gauss.avg_pool2d %x : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_zero_stride(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has 0 in 'strides'; it must be in 1..=1048576}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] strides [0, 1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_one_stride(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op needs 2 integers as 'strides', got 1}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] strides [1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_negative_padding(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has -1 in 'padding'; it must be in 0..=1048576}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] padding [-1, 0, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_two_paddings(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op needs 4 integers as 'padding', got 2}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] padding [1, 1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_window_of_padding_at_the_top(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has padding 2 at the top, which must be smaller than the kernel's 2: otherwise a window holds nothing but padding}}
  %0 = gauss.avg_pool2d %x kernel [2, 3] padding [2, 0, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_window_of_padding_at_the_left(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has padding 3 at the left, which must be smaller than the kernel's 3: otherwise a window holds nothing but padding}}
  %0 = gauss.avg_pool2d %x kernel [2, 3] padding [0, 3, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_window_of_padding_at_the_bottom(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has padding 2 at the bottom, which must be smaller than the kernel's 2: otherwise a window holds nothing but padding}}
  %0 = gauss.avg_pool2d %x kernel [2, 3] padding [0, 0, 2, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_window_of_padding_at_the_right(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has padding 3 at the right, which must be smaller than the kernel's 3: otherwise a window holds nothing but padding}}
  %0 = gauss.avg_pool2d %x kernel [2, 3] padding [0, 0, 0, 3] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_kernel_too_large(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has a 9x9 window that does not fit in !gauss.tensor<1x4x8x8xf32>, padding included}}
  %0 = gauss.avg_pool2d %x kernel [9, 9] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_input_of_rank_3(%x: !gauss.tensor<4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op needs a tensor of rank 4, got !gauss.tensor<4x8x8xf32>}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] : (!gauss.tensor<4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @avg_result_size(%x: !gauss.tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has result type '!gauss.tensor<1x4x7x7xf32>', but its operands and attributes give '!gauss.tensor<1x4x4x4xf32>'}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] strides [2, 2] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

// -----

func.func @kernel_of_the_wrong_kind(%x: tensor<1x1x4x4xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op attribute 'kernel' failed to satisfy constraint: i64 dense array attribute}}
  %0 = "gauss.max_pool2d"(%x) {kernel = [2, 2]} : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  return
}

// -----

func.func @kernel_is_required(%x: tensor<1x1x4x4xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op requires attribute 'kernel'}}
  %0 = "gauss.max_pool2d"(%x) : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  return
}

// -----

func.func @max_pool_has_no_groups(%x: tensor<1x1x4x4xf32>) {
  // expected-error @+1 {{no attribute 'groups'; known: kernel, strides, padding, dilation, ceil}}
  %0 = gauss.max_pool2d %x kernel [2, 2] groups [1, 1] : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  return
}

// -----

func.func @a_window_of_nothing(%x: !gauss.tensor<1x1x1x1xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op has a window at position 0 that holds nothing but padding of !gauss.tensor<1x1x1x1xf32>}}
  %0 = gauss.max_pool2d %x kernel [2, 2] padding [1, 1, 1, 1] dilation [2, 2]
    : (!gauss.tensor<1x1x1x1xf32>) -> !gauss.tensor<1x1x1x1xf32>
  return
}

// -----

func.func @no_dilation(%x: !gauss.tensor<1x1x4x4xf32>) {
  // expected-error @+1 {{'gauss.avg_pool2d' op has 0 in 'dilation'; it must be in 1..=1048576}}
  %0 = gauss.avg_pool2d %x kernel [2, 2] dilation [0, 1]
    : (!gauss.tensor<1x1x4x4xf32>) -> !gauss.tensor<1x1x3x3xf32>
  return
}

// -----

func.func @padding_too_large(%x: !gauss.tensor<1x4096x1x1xf32>) {
  // expected-error @+1 {{'gauss.max_pool2d' op pads !gauss.tensor<1x4096x1x1xf32> to more than 2^28 elements}}
  %0 = gauss.max_pool2d %x kernel [256, 256] padding [255, 255, 255, 255] strides [256, 256]
    : (!gauss.tensor<1x4096x1x1xf32>) -> !gauss.tensor<1x4096x1x1xf32>
  return
}

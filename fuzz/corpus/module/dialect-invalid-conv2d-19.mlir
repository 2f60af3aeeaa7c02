func.func @kernel_too_large(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x9x9xf32>) {
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x9x9xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

func.func @negative_stride(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>) {
  %0 = gauss.conv2d %x, %w strides [1, -1] : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

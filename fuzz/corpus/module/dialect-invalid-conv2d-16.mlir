func.func @bias_of_rank_2(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3x3xf32>, %b: !gauss.tensor<1x4xf32>) {
  %0 = gauss.conv2d %x, %w, %b : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3x3xf32>, !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

func.func @weight_of_rank_3(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x4x3xf32>) {
  %0 = gauss.conv2d %x, %w : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x4x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

func.func @groups_do_not_divide_the_outputs(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<3x2x3x3xf32>) {
  %0 = gauss.conv2d %x, %w groups 2 : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<3x2x3x3xf32>) -> !gauss.tensor<1x4x6x6xf32>
  return
}

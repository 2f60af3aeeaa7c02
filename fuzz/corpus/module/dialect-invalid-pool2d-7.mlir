func.func @max_two_paddings(%x: !gauss.tensor<1x4x8x8xf32>) {
  %0 = gauss.max_pool2d %x kernel [2, 2] padding [1, 1] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

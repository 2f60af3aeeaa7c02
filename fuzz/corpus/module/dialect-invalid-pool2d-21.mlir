func.func @avg_negative_padding(%x: !gauss.tensor<1x4x8x8xf32>) {
  %0 = gauss.avg_pool2d %x kernel [2, 2] padding [-1, 0, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

func.func @avg_window_of_padding_at_the_top(%x: !gauss.tensor<1x4x8x8xf32>) {
  %0 = gauss.avg_pool2d %x kernel [2, 3] padding [2, 0, 0, 0] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

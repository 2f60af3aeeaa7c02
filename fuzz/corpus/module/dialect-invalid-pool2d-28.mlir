func.func @avg_input_of_rank_3(%x: !gauss.tensor<4x8x8xf32>) {
  %0 = gauss.avg_pool2d %x kernel [2, 2] : (!gauss.tensor<4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

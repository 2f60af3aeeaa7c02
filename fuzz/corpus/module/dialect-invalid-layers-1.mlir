func.func @dense_on_an_image(%x: !gauss.tensor<2x3x1xf32>, %w: !gauss.tensor<2x3xf32>) {
  %0 = gauss.dense %x, %w : (!gauss.tensor<2x3x1xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x2xf32>
  return
}

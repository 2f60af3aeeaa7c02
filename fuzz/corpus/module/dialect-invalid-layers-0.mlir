func.func @dense_depth(%x: !gauss.tensor<2x3xf32>, %w: !gauss.tensor<2x4xf32>) {
  %0 = gauss.dense %x, %w : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x4xf32>) -> !gauss.tensor<2x2xf32>
  return
}

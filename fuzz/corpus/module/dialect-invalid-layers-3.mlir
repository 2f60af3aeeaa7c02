func.func @dense_bias(%x: tensor<2x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: tensor<3xf32>) {
  %0 = gauss.dense %x, %w, %b : (tensor<2x3xf32>, !gauss.tensor<2x3xf32>, tensor<3xf32>) -> !gauss.tensor<2x2xf32>
  return
}

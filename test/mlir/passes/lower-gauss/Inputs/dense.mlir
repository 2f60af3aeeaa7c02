func.func @dense(%x: !gauss.tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (!gauss.tensor<4x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

func.func @net(%x: tensor<4x3xf32>) -> !gauss.tensor<4x2xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  %y = gauss.dense %x, %w : (tensor<4x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<4x2xf32>
  return %y : !gauss.tensor<4x2xf32>
}

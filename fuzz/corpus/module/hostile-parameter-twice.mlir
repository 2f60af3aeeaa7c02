func.func @f(%x: tensor<1x2xf32>) -> !gauss.tensor<1x2xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<2x2xf32>
  %b = gauss.parameter "w" : tensor<2xf32>
  %y = gauss.dense %x, %w, %b : (tensor<1x2xf32>, !gauss.tensor<2x2xf32>, tensor<2xf32>) -> !gauss.tensor<1x2xf32>
  return %y : !gauss.tensor<1x2xf32>
}

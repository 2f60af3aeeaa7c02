func.func @net(%x: tensor<?x3xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  %y = gauss.dense %x, %w, %b
    : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  return %y : !gauss.tensor<?x2xf32>
}

func.func @again() -> tensor<2xf32> {
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  return %b : tensor<2xf32>
}

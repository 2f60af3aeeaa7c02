func.func @net() -> (!gauss.tensor<2x3xf32>, tensor<2xf32>) {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>

  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  return %w, %b : !gauss.tensor<2x3xf32>, tensor<2xf32>
}

func.func @net(%x: !gauss.tensor<?x1xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "fc" : tensor<2x1xf32>
  %0 = gauss.dense %x, %w : (!gauss.tensor<?x1xf32>, tensor<2x1xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}

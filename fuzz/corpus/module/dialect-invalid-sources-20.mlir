func.func @mean_of_integers() {
  %0 = gauss.constant mean(dense<1> : tensor<2xi32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

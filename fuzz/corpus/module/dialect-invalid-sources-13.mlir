func.func @zero_variance() {
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<0.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

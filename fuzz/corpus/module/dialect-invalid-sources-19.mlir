func.func @variance_in_double() {
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf64>) : !gauss.tensor<2xf32>
  return
}

func.func @nan_mean() {
  %0 = gauss.constant mean(dense<0x7FC00000> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

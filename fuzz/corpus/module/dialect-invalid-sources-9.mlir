func.func @nan_variance() {
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<[1.0, 0x7FC00000]> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

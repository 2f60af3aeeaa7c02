func.func @sparse_mean() {
  %0 = gauss.constant mean(sparse<[[0]], [1.0]> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

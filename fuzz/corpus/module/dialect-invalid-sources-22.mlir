func.func @constant_with_dynamic_batch() {
  %0 = gauss.constant mean(dense<1.0> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<?xf32>
  return
}

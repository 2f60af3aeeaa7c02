func.func @parameter_with_empty_name() {
  %0 = gauss.parameter "" : tensor<2xf32>
  return
}

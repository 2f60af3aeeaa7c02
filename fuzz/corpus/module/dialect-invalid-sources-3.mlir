func.func @parameter_without_elements() {
  %0 = gauss.parameter "w" : tensor<2x0xf32>
  return
}

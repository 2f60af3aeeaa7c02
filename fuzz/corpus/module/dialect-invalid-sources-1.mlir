func.func @parameter_without_shape() {
  %0 = gauss.parameter "w" : tensor<?x2xf32>
  return
}

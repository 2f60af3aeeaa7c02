func.func @one_name_two_shapes() -> (tensor<3xf32>, tensor<2xf32>) {
  %0 = gauss.parameter "w" : tensor<3xf32>
  %1 = gauss.parameter "w" : tensor<2xf32>
  return %0, %1 : tensor<3xf32>, tensor<2xf32>
}

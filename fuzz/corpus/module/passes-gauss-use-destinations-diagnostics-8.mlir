func.func @recursive(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = call @recursive(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = gauss.relu %1 : (tensor<2xf32>) -> tensor<2xf32>
  %1 = gauss.relu %0 : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

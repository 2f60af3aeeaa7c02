func.func @f(%x: tensor<2x2xf32>, %i: index) -> tensor<2x2xf32> {
  %0 = "gauss.dense"(%x) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = "gauss.add"(%x, %i) : (tensor<2x2xf32>, index) -> tensor<2x2xf32>
  %2:2 = "gauss.relu"(%x) : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
  return %0 : tensor<2x2xf32>
}

func.func @f(%x: !gauss.tensor<?x2xf32>, %y: tensor<3x2xf32>) -> (!gauss.tensor<?x2xf32>, tensor<3x2xf32>) {
  return %x, %y : !gauss.tensor<?x2xf32>, tensor<3x2xf32>
}

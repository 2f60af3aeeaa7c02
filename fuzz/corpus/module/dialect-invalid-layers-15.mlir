func.func @add_shapes(%x: !gauss.tensor<2x3xf32>, %y: tensor<3xf32>) {
  %0 = gauss.add %x, %y : (!gauss.tensor<2x3xf32>, tensor<3xf32>) -> !gauss.tensor<2x3xf32>
  return
}

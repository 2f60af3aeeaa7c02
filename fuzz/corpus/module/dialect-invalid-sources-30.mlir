func.func @mean_with_another_shape(%x: !gauss.tensor<2x3xf32>) {
  %0 = "gauss.mean"(%x) : (!gauss.tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

func.func @reshape_to_gaussian(%x: tensor<2x3xf32>) {
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> !gauss.tensor<6xf32>
  return
}

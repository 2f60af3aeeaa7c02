func.func @reshape_to_nothing(%x: tensor<2x3xf32>) {
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<6x0xf32>
  return
}

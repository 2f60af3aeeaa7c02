func.func @huge(%x: tensor<16384x16384x2xf32>) {
  %0 = gauss.relu %x : (tensor<16384x16384x2xf32>) -> tensor<16384x16384x2xf32>
  return
}

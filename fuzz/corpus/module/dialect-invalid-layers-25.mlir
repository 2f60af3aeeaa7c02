func.func @flatten_a_scalar(%x: tensor<f32>) {
  %0 = gauss.flatten %x : (tensor<f32>) -> tensor<1x1xf32>
  return
}

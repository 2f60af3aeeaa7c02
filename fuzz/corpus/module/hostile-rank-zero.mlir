func.func @f(%x: !gauss.tensor<f32>) -> !gauss.tensor<f32> {
  %0 = gauss.relu %x : (!gauss.tensor<f32>) -> !gauss.tensor<f32>
  %1 = gauss.flatten %0 : (!gauss.tensor<f32>) -> !gauss.tensor<f32>
  return %1 : !gauss.tensor<f32>
}

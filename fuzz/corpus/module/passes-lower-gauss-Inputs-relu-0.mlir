func.func @relu(%x: !gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32>
  return %0 : !gauss.tensor<4x3xf32>
}

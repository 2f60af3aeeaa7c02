func.func @net(%x: !gauss.tensor<4x2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<4x2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

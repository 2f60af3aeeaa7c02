func.func @first(%x: !gauss.tensor<1x8xf32>) -> !gauss.tensor<1x8xf32> {
  %0 = call @activation(%x) : (!gauss.tensor<1x8xf32>) -> !gauss.tensor<1x8xf32>
  return %0 : !gauss.tensor<1x8xf32>
}

func.func @second(%x: tensor<1x8xf32>) -> !gauss.tensor<1x4xf32> {
  %w = gauss.constant mean(dense<0.5> : tensor<8x8xf32>) variance(dense<0.25> : tensor<8x8xf32>) : !gauss.tensor<8x8xf32>
  %v = gauss.constant mean(dense<0.5> : tensor<4x8xf32>) variance(dense<0.25> : tensor<4x8xf32>) : !gauss.tensor<4x8xf32>
  %0 = gauss.dense %x, %w : (tensor<1x8xf32>, !gauss.tensor<8x8xf32>) -> !gauss.tensor<1x8xf32>
  %1 = call @activation(%0) : (!gauss.tensor<1x8xf32>) -> !gauss.tensor<1x8xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<1x8xf32>, !gauss.tensor<4x8xf32>) -> !gauss.tensor<1x4xf32>
  return %2 : !gauss.tensor<1x4xf32>
}

func.func private @activation(%x: !gauss.tensor<1x8xf32>) -> !gauss.tensor<1x8xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<1x8xf32>) -> !gauss.tensor<1x8xf32>
  return %0 : !gauss.tensor<1x8xf32>
}

func.func private @unused(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %0 = gauss.relu %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

func.func @digits_mlp(%image: tensor<?x1x8x8xf32>) -> !gauss.tensor<?x10xf32> {
  %fc1_weight = gauss.parameter "fc1.weight" : !gauss.tensor<64x64xf32>
  %fc1_bias = gauss.parameter "fc1.bias" : !gauss.tensor<64xf32>
  %fc2_weight = gauss.parameter "fc2.weight" : !gauss.tensor<64x64xf32>
  %fc2_bias = gauss.parameter "fc2.bias" : !gauss.tensor<64xf32>
  %fc3_weight = gauss.parameter "fc3.weight" : !gauss.tensor<10x64xf32>
  %fc3_bias = gauss.parameter "fc3.bias" : !gauss.tensor<10xf32>
  %0 = gauss.flatten %image : (tensor<?x1x8x8xf32>) -> tensor<?x64xf32>
  %1 = gauss.dense %0, %fc1_weight, %fc1_bias : (tensor<?x64xf32>, !gauss.tensor<64x64xf32>, !gauss.tensor<64xf32>) -> !gauss.tensor<?x64xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x64xf32>) -> !gauss.tensor<?x64xf32>
  %3 = gauss.dense %2, %fc2_weight, %fc2_bias : (!gauss.tensor<?x64xf32>, !gauss.tensor<64x64xf32>, !gauss.tensor<64xf32>) -> !gauss.tensor<?x64xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x64xf32>) -> !gauss.tensor<?x64xf32>
  %5 = gauss.dense %4, %fc3_weight, %fc3_bias : (!gauss.tensor<?x64xf32>, !gauss.tensor<10x64xf32>, !gauss.tensor<10xf32>) -> !gauss.tensor<?x10xf32>
  return %5 : !gauss.tensor<?x10xf32>
}

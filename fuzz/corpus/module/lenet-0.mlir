func.func @lenet(%image: tensor<?x1x28x28xf32>) -> !gauss.tensor<?x10xf32> {
  %conv1_weight = gauss.parameter "conv1.weight" : !gauss.tensor<6x1x5x5xf32>
  %conv1_bias = gauss.parameter "conv1.bias" : !gauss.tensor<6xf32>
  %conv2_weight = gauss.parameter "conv2.weight" : !gauss.tensor<16x6x5x5xf32>
  %conv2_bias = gauss.parameter "conv2.bias" : !gauss.tensor<16xf32>
  %fc1_weight = gauss.parameter "fc1.weight" : !gauss.tensor<120x400xf32>
  %fc1_bias = gauss.parameter "fc1.bias" : !gauss.tensor<120xf32>
  %fc2_weight = gauss.parameter "fc2.weight" : !gauss.tensor<84x120xf32>
  %fc2_bias = gauss.parameter "fc2.bias" : !gauss.tensor<84xf32>
  %fc3_weight = gauss.parameter "fc3.weight" : !gauss.tensor<10x84xf32>
  %fc3_bias = gauss.parameter "fc3.bias" : !gauss.tensor<10xf32>
  %0 = gauss.conv2d %image, %conv1_weight, %conv1_bias padding [2, 2, 2, 2] : (tensor<?x1x28x28xf32>, !gauss.tensor<6x1x5x5xf32>, !gauss.tensor<6xf32>) -> !gauss.tensor<?x6x28x28xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x6x28x28xf32>) -> !gauss.tensor<?x6x28x28xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x6x28x28xf32>) -> !gauss.tensor<?x6x14x14xf32>
  %3 = gauss.conv2d %2, %conv2_weight, %conv2_bias : (!gauss.tensor<?x6x14x14xf32>, !gauss.tensor<16x6x5x5xf32>, !gauss.tensor<16xf32>) -> !gauss.tensor<?x16x10x10xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x16x10x10xf32>) -> !gauss.tensor<?x16x10x10xf32>
  %5 = gauss.max_pool2d %4 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x16x10x10xf32>) -> !gauss.tensor<?x16x5x5xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x400xf32>
  %7 = gauss.dense %6, %fc1_weight, %fc1_bias : (!gauss.tensor<?x400xf32>, !gauss.tensor<120x400xf32>, !gauss.tensor<120xf32>) -> !gauss.tensor<?x120xf32>
  %8 = gauss.relu %7 : (!gauss.tensor<?x120xf32>) -> !gauss.tensor<?x120xf32>
  %9 = gauss.dense %8, %fc2_weight, %fc2_bias : (!gauss.tensor<?x120xf32>, !gauss.tensor<84x120xf32>, !gauss.tensor<84xf32>) -> !gauss.tensor<?x84xf32>
  %10 = gauss.relu %9 : (!gauss.tensor<?x84xf32>) -> !gauss.tensor<?x84xf32>
  %11 = gauss.dense %10, %fc3_weight, %fc3_bias : (!gauss.tensor<?x84xf32>, !gauss.tensor<10x84xf32>, !gauss.tensor<10xf32>) -> !gauss.tensor<?x10xf32>
  return %11 : !gauss.tensor<?x10xf32>
}

func.func @digits_cnn(%image: tensor<?x1x8x8xf32>) -> !gauss.tensor<?x10xf32> {
  %conv1_weight = gauss.parameter "conv1.weight" : !gauss.tensor<8x1x3x3xf32>
  %conv1_bias = gauss.parameter "conv1.bias" : !gauss.tensor<8xf32>
  %gamma = gauss.parameter "bn1.gamma" : tensor<8xf32>
  %beta = gauss.parameter "bn1.beta" : tensor<8xf32>
  %running_mean = gauss.parameter "bn1.running_mean" : tensor<8xf32>
  %running_variance = gauss.parameter "bn1.running_var" : tensor<8xf32>
  %conv2_weight = gauss.parameter "conv2.weight" : !gauss.tensor<16x8x3x3xf32>
  %conv2_bias = gauss.parameter "conv2.bias" : !gauss.tensor<16xf32>
  %fc1_weight = gauss.parameter "fc1.weight" : !gauss.tensor<32x64xf32>
  %fc1_bias = gauss.parameter "fc1.bias" : !gauss.tensor<32xf32>
  %fc2_weight = gauss.parameter "fc2.weight" : !gauss.tensor<10x32xf32>
  %fc2_bias = gauss.parameter "fc2.bias" : !gauss.tensor<10xf32>
  %0 = gauss.conv2d %image, %conv1_weight, %conv1_bias padding [1, 1, 1, 1] : (tensor<?x1x8x8xf32>, !gauss.tensor<8x1x3x3xf32>, !gauss.tensor<8xf32>) -> !gauss.tensor<?x8x8x8xf32>
  %1 = gauss.batch_norm %0, %gamma, %beta, %running_mean, %running_variance epsilon 1.0e-05 : (!gauss.tensor<?x8x8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x8x8xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x8x8x8xf32>) -> !gauss.tensor<?x8x8x8xf32>
  %3 = gauss.max_pool2d %2 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x8x8x8xf32>) -> !gauss.tensor<?x8x4x4xf32>
  %4 = gauss.conv2d %3, %conv2_weight, %conv2_bias padding [1, 1, 1, 1] : (!gauss.tensor<?x8x4x4xf32>, !gauss.tensor<16x8x3x3xf32>, !gauss.tensor<16xf32>) -> !gauss.tensor<?x16x4x4xf32>
  %5 = gauss.relu %4 : (!gauss.tensor<?x16x4x4xf32>) -> !gauss.tensor<?x16x4x4xf32>
  %6 = gauss.max_pool2d %5 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x16x4x4xf32>) -> !gauss.tensor<?x16x2x2xf32>
  %7 = gauss.flatten %6 : (!gauss.tensor<?x16x2x2xf32>) -> !gauss.tensor<?x64xf32>
  %8 = gauss.dense %7, %fc1_weight, %fc1_bias : (!gauss.tensor<?x64xf32>, !gauss.tensor<32x64xf32>, !gauss.tensor<32xf32>) -> !gauss.tensor<?x32xf32>
  %9 = gauss.relu %8 : (!gauss.tensor<?x32xf32>) -> !gauss.tensor<?x32xf32>
  %10 = gauss.dense %9, %fc2_weight, %fc2_bias : (!gauss.tensor<?x32xf32>, !gauss.tensor<10x32xf32>, !gauss.tensor<10xf32>) -> !gauss.tensor<?x10xf32>
  return %10 : !gauss.tensor<?x10xf32>
}

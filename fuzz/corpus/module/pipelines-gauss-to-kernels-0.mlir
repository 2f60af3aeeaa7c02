func.func @net(%x: tensor<?x1x8x8xf32>) -> !gauss.tensor<?x3xf32> {
  %k = gauss.constant mean(dense<0.5> : tensor<2x1x3x3xf32>) variance(dense<0.25> : tensor<2x1x3x3xf32>) : !gauss.tensor<2x1x3x3xf32>
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %w = gauss.constant mean(dense<0.5> : tensor<3x18xf32>) variance(dense<0.25> : tensor<3x18xf32>) : !gauss.tensor<3x18xf32>
  %b = gauss.constant mean(dense<0.5> : tensor<3xf32>) variance(dense<0.25> : tensor<3xf32>) : !gauss.tensor<3xf32>
  %0 = gauss.conv2d %x, %k : (tensor<?x1x8x8xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x2x6x6xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x2x6x6xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %3 = gauss.max_pool2d %2 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x6x6xf32>) -> !gauss.tensor<?x2x3x3xf32>
  %4 = gauss.flatten %3 : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x18xf32>
  %5 = gauss.dense %4, %w, %b
    : (!gauss.tensor<?x18xf32>, !gauss.tensor<3x18xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<?x3xf32>
  return %5 : !gauss.tensor<?x3xf32>
}

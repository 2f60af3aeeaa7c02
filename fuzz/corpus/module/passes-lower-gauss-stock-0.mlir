func.func @static(%x: !gauss.tensor<2x2x8x8xf32>, %c: tensor<4xf32>, %w: !gauss.tensor<3x16xf32>) -> !gauss.tensor<2x3xf32> {
  %k = gauss.parameter "k" : !gauss.tensor<4x1x3x3xf32>
  %0 = gauss.conv2d %x, %k padding [1, 1, 1, 1] groups 2
    : (!gauss.tensor<2x2x8x8xf32>, !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<2x4x8x8xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<2x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<2x4x8x8xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<2x4x8x8xf32>) -> !gauss.tensor<2x4x8x8xf32>
  %3 = gauss.add %2, %1 : (!gauss.tensor<2x4x8x8xf32>, !gauss.tensor<2x4x8x8xf32>) -> !gauss.tensor<2x4x8x8xf32>
  %4 = gauss.max_pool2d %3 kernel [3, 3] strides [2, 2] padding [1, 1, 1, 1]
    : (!gauss.tensor<2x4x8x8xf32>) -> !gauss.tensor<2x4x4x4xf32>
  %5 = gauss.avg_pool2d %4 kernel [3, 3] strides [2, 2] padding [1, 1, 1, 1] count_include_pad false
    : (!gauss.tensor<2x4x4x4xf32>) -> !gauss.tensor<2x4x2x2xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<2x4x2x2xf32>) -> !gauss.tensor<2x16xf32>
  %b = gauss.constant mean(dense<[1.0, 2.0, 3.0]> : tensor<3xf32>) variance(dense<1.0> : tensor<3xf32>) : !gauss.tensor<3xf32>
  %7 = gauss.dense %6, %w, %b : (!gauss.tensor<2x16xf32>, !gauss.tensor<3x16xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<2x3xf32>
  %mean = gauss.mean %7 : !gauss.tensor<2x3xf32>
  %variance = gauss.variance %7 : !gauss.tensor<2x3xf32>
  %8 = gauss.make %mean, %variance : tensor<2x3xf32>
  return %8 : !gauss.tensor<2x3xf32>
}

func.func @dynamic(%x: !gauss.tensor<?x2x8x8xf32>, %c: tensor<4xf32>, %w: !gauss.tensor<3x16xf32>) -> !gauss.tensor<?x1x3xf32> {
  %k = gauss.parameter "k" : !gauss.tensor<4x1x3x3xf32>
  %0 = gauss.conv2d %x, %k padding [1, 1, 1, 1] groups 2
    : (!gauss.tensor<?x2x8x8xf32>, !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<?x4x8x8xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<?x4x8x8xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x4x8x8xf32>) -> !gauss.tensor<?x4x8x8xf32>
  %3 = gauss.add %2, %1 : (!gauss.tensor<?x4x8x8xf32>, !gauss.tensor<?x4x8x8xf32>) -> !gauss.tensor<?x4x8x8xf32>
  %4 = gauss.max_pool2d %3 kernel [3, 3] strides [2, 2] padding [1, 1, 1, 1]
    : (!gauss.tensor<?x4x8x8xf32>) -> !gauss.tensor<?x4x4x4xf32>
  %5 = gauss.avg_pool2d %4 kernel [3, 3] strides [2, 2] padding [1, 1, 1, 1] count_include_pad false
    : (!gauss.tensor<?x4x4x4xf32>) -> !gauss.tensor<?x4x2x2xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<?x4x2x2xf32>) -> !gauss.tensor<?x16xf32>
  %7 = gauss.dense %6, %w : (!gauss.tensor<?x16xf32>, !gauss.tensor<3x16xf32>) -> !gauss.tensor<?x3xf32>
  %8 = gauss.reshape %7 : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<?x1x3xf32>
  return %8 : !gauss.tensor<?x1x3xf32>
}

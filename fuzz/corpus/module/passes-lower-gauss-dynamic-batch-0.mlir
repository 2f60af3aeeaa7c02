func.func @net(%x: tensor<?x1x4x4xf32>, %w: !gauss.tensor<3x12xf32>, %k: tensor<3x1x3x3xf32>)
    -> !gauss.tensor<?x3xf32> {
  %0 = gauss.conv2d %x, %k padding [1, 1, 1, 1] : (tensor<?x1x4x4xf32>, tensor<3x1x3x3xf32>) -> tensor<?x3x4x4xf32>
  %1 = gauss.relu %0 : (tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2] : (tensor<?x3x4x4xf32>) -> tensor<?x3x2x2xf32>
  %3 = gauss.flatten %2 : (tensor<?x3x2x2xf32>) -> tensor<?x12xf32>
  %4 = gauss.dense %3, %w : (tensor<?x12xf32>, !gauss.tensor<3x12xf32>) -> !gauss.tensor<?x3xf32>
  return %4 : !gauss.tensor<?x3xf32>
}

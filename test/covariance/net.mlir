// Two convolutions with pools and three dense layers: every rule for covariances that `--covariance full` has.
func.func @net(%x: tensor<?x1x12x12xf32>) -> !gauss.tensor<?x4xf32> {
  %k0 = gauss.parameter "k0" : !gauss.tensor<3x1x3x3xf32>
  %a0 = gauss.parameter "a0" : !gauss.tensor<3xf32>
  %k1 = gauss.parameter "k1" : !gauss.tensor<4x3x2x2xf32>
  %a1 = gauss.parameter "a1" : !gauss.tensor<4xf32>
  %w0 = gauss.parameter "w0" : !gauss.tensor<7x16xf32>
  %b0 = gauss.parameter "b0" : !gauss.tensor<7xf32>
  %w1 = gauss.parameter "w1" : !gauss.tensor<6x7xf32>
  %b1 = gauss.parameter "b1" : !gauss.tensor<6xf32>
  %w2 = gauss.parameter "w2" : !gauss.tensor<4x6xf32>
  %b2 = gauss.parameter "b2" : !gauss.tensor<4xf32>
  %0 = gauss.conv2d %x, %k0, %a0
    : (tensor<?x1x12x12xf32>, !gauss.tensor<3x1x3x3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<?x3x10x10xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x3x10x10xf32>) -> !gauss.tensor<?x3x10x10xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x3x10x10xf32>) -> !gauss.tensor<?x3x5x5xf32>
  %3 = gauss.conv2d %2, %k1, %a1
    : (!gauss.tensor<?x3x5x5xf32>, !gauss.tensor<4x3x2x2xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<?x4x4x4xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x4x4x4xf32>) -> !gauss.tensor<?x4x4x4xf32>
  %5 = gauss.max_pool2d %4 kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x4x4x4xf32>) -> !gauss.tensor<?x4x2x2xf32>
  %6 = gauss.flatten %5 : (!gauss.tensor<?x4x2x2xf32>) -> !gauss.tensor<?x16xf32>
  %7 = gauss.dense %6, %w0, %b0
    : (!gauss.tensor<?x16xf32>, !gauss.tensor<7x16xf32>, !gauss.tensor<7xf32>) -> !gauss.tensor<?x7xf32>
  %8 = gauss.relu %7 : (!gauss.tensor<?x7xf32>) -> !gauss.tensor<?x7xf32>
  %9 = gauss.dense %8, %w1, %b1
    : (!gauss.tensor<?x7xf32>, !gauss.tensor<6x7xf32>, !gauss.tensor<6xf32>) -> !gauss.tensor<?x6xf32>
  %10 = gauss.relu %9 : (!gauss.tensor<?x6xf32>) -> !gauss.tensor<?x6xf32>
  %11 = gauss.dense %10, %w2, %b2
    : (!gauss.tensor<?x6xf32>, !gauss.tensor<4x6xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<?x4xf32>
  return %11 : !gauss.tensor<?x4xf32>
}

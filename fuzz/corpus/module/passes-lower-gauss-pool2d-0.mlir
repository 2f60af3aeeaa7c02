func.func @max_deterministic(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  return %0 : tensor<1x2x2x2xf32>
}

func.func @max_gaussian(%x: !gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32> {
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  return %0 : !gauss.tensor<?x2x2x2xf32>
}

func.func @max_padded(%x: !gauss.tensor<1x1x4x4xf32>) -> !gauss.tensor<1x1x2x2xf32> {
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 3] padding [1, 0, 0, 1] : (!gauss.tensor<1x1x4x4xf32>) -> !gauss.tensor<1x1x2x2xf32>
  return %0 : !gauss.tensor<1x1x2x2xf32>
}

func.func @max_of_a_row(%x: tensor<1x1x2x5xf32>) -> tensor<1x1x2x3xf32> {
  %0 = gauss.max_pool2d %x kernel [1, 3] : (tensor<1x1x2x5xf32>) -> tensor<1x1x2x3xf32>
  return %0 : tensor<1x1x2x3xf32>
}

func.func @average(%x: !gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32> {
  %0 = gauss.avg_pool2d %x kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  return %0 : !gauss.tensor<?x2x2x2xf32>
}

func.func @average_padded(%x: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %0 = gauss.avg_pool2d %x kernel [3, 3] padding [1, 1, 1, 1] : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

func.func @average_without_padding(%x: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %0 = gauss.avg_pool2d %x kernel [3, 3] padding [1, 1, 1, 1] count_include_pad false : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

func.func @deterministic(%x: tensor<1x2x5x5xf32>, %w: tensor<4x2x3x3xf32>) -> tensor<1x4x3x3xf32> {
  %0 = gauss.conv2d %x, %w : (tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x3x3xf32>
  return %0 : tensor<1x4x3x3xf32>
}

func.func @gaussian(%x: !gauss.tensor<1x2x5x5xf32>, %w: !gauss.tensor<4x2x3x3xf32>, %b: !gauss.tensor<4xf32>) -> !gauss.tensor<1x4x3x3xf32> {
  %0 = gauss.conv2d %x, %w, %b : (!gauss.tensor<1x2x5x5xf32>, !gauss.tensor<4x2x3x3xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<1x4x3x3xf32>
  return %0 : !gauss.tensor<1x4x3x3xf32>
}

func.func @asymmetric(%x: !gauss.tensor<1x2x9x9xf32>, %w: tensor<4x2x3x2xf32>) -> !gauss.tensor<1x4x6x3xf32> {
  %0 = gauss.conv2d %x, %w strides [2, 3] padding [1, 2, 3, 0] dilation [1, 4]
    : (!gauss.tensor<1x2x9x9xf32>, tensor<4x2x3x2xf32>) -> !gauss.tensor<1x4x6x3xf32>
  return %0 : !gauss.tensor<1x4x6x3xf32>
}

func.func @groups(%x: !gauss.tensor<1x4x5x5xf32>, %w: !gauss.tensor<6x2x3x3xf32>) -> !gauss.tensor<1x6x3x3xf32> {
  %0 = gauss.conv2d %x, %w groups 2 : (!gauss.tensor<1x4x5x5xf32>, !gauss.tensor<6x2x3x3xf32>) -> !gauss.tensor<1x6x3x3xf32>
  return %0 : !gauss.tensor<1x6x3x3xf32>
}

func.func @depthwise(%x: tensor<?x4x5x5xf32>, %w: !gauss.tensor<8x1x3x3xf32>) -> !gauss.tensor<?x8x5x5xf32> {
  %0 = gauss.conv2d %x, %w padding [1, 1, 1, 1] groups 4 : (tensor<?x4x5x5xf32>, !gauss.tensor<8x1x3x3xf32>) -> !gauss.tensor<?x8x5x5xf32>
  return %0 : !gauss.tensor<?x8x5x5xf32>
}

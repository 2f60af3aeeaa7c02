// Pools that stay as they are.

// RUN: pfp-opt %s --gauss-correlate-windows > %t
// RUN: pfp-opt %s | diff - %t

// An activation between both.
func.func @activation(%x: tensor<1x2x8xf32>, %w: !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w : (tensor<1x2x8xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x6xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x4x6xf32>) -> !gauss.tensor<1x4x6xf32>
  %2 = gauss.max_pool1d %1 kernel [2] strides [2] : (!gauss.tensor<1x4x6xf32>) -> !gauss.tensor<1x4x3xf32>
  return %2 : !gauss.tensor<1x4x3xf32>
}

// A weight that is known.
func.func @known(%x: !gauss.tensor<1x2x8xf32>, %w: tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w : (!gauss.tensor<1x2x8xf32>, tensor<4x2x3xf32>) -> !gauss.tensor<1x4x6xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x4x6xf32>) -> !gauss.tensor<1x4x3xf32>
  return %1 : !gauss.tensor<1x4x3xf32>
}

// Windows of more than four elements, of one, in padding and beyond the input; an average.
func.func @windows(%x: tensor<1x2x9xf32>, %w: !gauss.tensor<4x2x3xf32>)
    -> (!gauss.tensor<1x4x3xf32>, !gauss.tensor<1x4x4xf32>, !gauss.tensor<1x4x4xf32>, !gauss.tensor<1x4x4xf32>,
        !gauss.tensor<1x4x3xf32>) {
  %0 = gauss.conv1d %x, %w : (tensor<1x2x9xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x7xf32>
  %1 = gauss.max_pool1d %0 kernel [5] : (!gauss.tensor<1x4x7xf32>) -> !gauss.tensor<1x4x3xf32>
  %2 = gauss.max_pool1d %0 kernel [1] strides [2] : (!gauss.tensor<1x4x7xf32>) -> !gauss.tensor<1x4x4xf32>
  %3 = gauss.max_pool1d %0 kernel [2] strides [2] padding [1, 0] : (!gauss.tensor<1x4x7xf32>) -> !gauss.tensor<1x4x4xf32>
  %4 = gauss.max_pool1d %0 kernel [2] strides [2] ceil true : (!gauss.tensor<1x4x7xf32>) -> !gauss.tensor<1x4x4xf32>
  %5 = gauss.avg_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x4x7xf32>) -> !gauss.tensor<1x4x3xf32>
  return %1, %2, %3, %4, %5 : !gauss.tensor<1x4x3xf32>, !gauss.tensor<1x4x4xf32>, !gauss.tensor<1x4x4xf32>, !gauss.tensor<1x4x4xf32>, !gauss.tensor<1x4x3xf32>
}

// Covariances that are there.
func.func @given(%x: tensor<1x2x8xf32>, %w: !gauss.tensor<4x2x3xf32>, %c: tensor<1x4x3xf32>) -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w : (tensor<1x2x8xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x6xf32>
  %1 = gauss.max_pool1d %0, %c kernel [2] strides [2] : (!gauss.tensor<1x4x6xf32>, tensor<1x4x3xf32>) -> !gauss.tensor<1x4x3xf32>
  return %1 : !gauss.tensor<1x4x3xf32>
}

// A function that others call.
func.func private @private(%x: tensor<1x2x8xf32>, %w: !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w : (tensor<1x2x8xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x6xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x4x6xf32>) -> !gauss.tensor<1x4x3xf32>
  return %1 : !gauss.tensor<1x4x3xf32>
}

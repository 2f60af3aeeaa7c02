func.func @without_bias(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %gamma = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %beta = arith.constant dense<[4.0, 5.0]> : tensor<2xf32>
  %mean = arith.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %variance = arith.constant dense<[3.0, 0.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %beta, %mean, %variance epsilon 1.0
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

func.func @depthwise(%x: tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x4x2xf32> {
  %w = gauss.constant mean(dense<[[[[1.0, 2.0]]], [[[3.0, 4.0]]]]> : tensor<2x1x1x2xf32>)
                      variance(dense<1.0> : tensor<2x1x1x2xf32>) : !gauss.tensor<2x1x1x2xf32>
  %b = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %gamma = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %variance = arith.constant dense<[4.0, 1.0]> : tensor<2xf32>
  %0 = gauss.conv2d %x, %w, %b strides [1, 2] padding [0, 1, 0, 0] groups 2
    : (tensor<?x2x4x4xf32>, !gauss.tensor<2x1x1x2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x4x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %b, %b, %variance epsilon 0.0
    : (!gauss.tensor<?x2x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
    -> !gauss.tensor<?x2x4x2xf32>
  return %1 : !gauss.tensor<?x2x4x2xf32>
}

func.func @chain(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %2 = gauss.batch_norm %1, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

func.func @shared_weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %2 = gauss.dense %1, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

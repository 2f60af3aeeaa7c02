func.func @net(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.constant mean(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>)
                      variance(dense<[[0.5, 1.0], [1.5, 2.0]]> : tensor<2x2xf32>) : !gauss.tensor<2x2xf32>
  %b = gauss.constant mean(dense<[1.0, 2.0]> : tensor<2xf32>)
                      variance(dense<[1.0, 2.0]> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %gamma = arith.constant dense<[2.0, -4.0]> : tensor<2xf32>
  %beta = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %running_mean = arith.constant dense<[3.0, 1.0]> : tensor<2xf32>
  %running_variance = arith.constant dense<[4.0, 16.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w, %b
    : (!gauss.tensor<?x2xf32>, !gauss.tensor<2x2xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %beta, %running_mean, %running_variance epsilon 0.0
    : (!gauss.tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
    -> !gauss.tensor<?x2xf32>
  return %1 : !gauss.tensor<?x2xf32>
}

func.func @batch_norm_running_mean(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: tensor<3xf32>) {
  %0 = gauss.batch_norm %x, %c, %c, %p, %c
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

func.func @batch_norm_beta(%x: tensor<1x4xf32>, %c: tensor<4xf32>, %p: tensor<4x1xf32>) {
  %0 = gauss.batch_norm %x, %c, %p, %c, %c
    : (tensor<1x4xf32>, tensor<4xf32>, tensor<4x1xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

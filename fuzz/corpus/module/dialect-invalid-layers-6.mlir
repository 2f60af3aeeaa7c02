func.func @batch_norm_without_channels(%x: !gauss.tensor<?xf32>, %c: tensor<4xf32>) {
  %0 = gauss.batch_norm %x, %c, %c, %c, %c
    : (!gauss.tensor<?xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<?xf32>
  return
}

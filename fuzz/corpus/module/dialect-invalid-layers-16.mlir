func.func @add_batches(%x: !gauss.tensor<?x3xf32>, %y: !gauss.tensor<2x3xf32>) {
  %0 = gauss.add %x, %y : (!gauss.tensor<?x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<?x3xf32>
  return
}

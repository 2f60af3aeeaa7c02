func.func @max_kernel_too_large(%x: !gauss.tensor<1x4x8x8xf32>) {
  %0 = gauss.max_pool2d %x kernel [9, 9] : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  return
}

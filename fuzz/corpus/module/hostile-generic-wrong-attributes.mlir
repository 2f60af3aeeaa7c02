func.func @f(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %0 = "gauss.avg_pool2d"(%x) <{kernel = [1, "2"], strides = array<i32: 1, 1>, padding = 3 : i64, count_include_pad = unit}> : (tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

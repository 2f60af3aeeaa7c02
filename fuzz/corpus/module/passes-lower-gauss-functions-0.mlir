func.func private @swap(%x: !gauss.tensor<2xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, !gauss.tensor<2xf32>) {
  return %y, %x : tensor<3xf32>, !gauss.tensor<2xf32>
}

func.func private @declared(!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>

func.func @calls(%y: tensor<3xf32>, %x: !gauss.tensor<2xf32>) -> (!gauss.tensor<2xf32>, tensor<3xf32>) {
  %0:2 = call @swap(%x, %y) : (!gauss.tensor<2xf32>, tensor<3xf32>) -> (tensor<3xf32>, !gauss.tensor<2xf32>)
  %1 = call @declared(%0#1) : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  return %1, %0#0 : !gauss.tensor<2xf32>, tensor<3xf32>
}

func.func @components(%m: tensor<2xf32>, %v: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %x = gauss.make %m, %v : tensor<2xf32>
  %mean = gauss.mean %x : !gauss.tensor<2xf32>
  %variance = gauss.variance %x : !gauss.tensor<2xf32>
  return %variance, %mean : tensor<2xf32>, tensor<2xf32>
}

func.func @plain(%x: tensor<2xf32> {bufferization.writable = false}) -> tensor<2xf32> {
  %0 = math.tanh %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}

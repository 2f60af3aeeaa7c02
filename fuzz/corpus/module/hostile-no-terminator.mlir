func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> { %0 = gauss.relu %x : (tensor<2xf32>) -> tensor<2xf32> }

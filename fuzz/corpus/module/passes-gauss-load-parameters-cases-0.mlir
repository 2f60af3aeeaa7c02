func.func @first() -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  return %w : !gauss.tensor<2x3xf32>
}

func.func @second() -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  return %w : !gauss.tensor<2x3xf32>
}

func.func @component() -> tensor<2x3xf32> {
  %w = gauss.parameter "fc.weight.mean" : tensor<2x3xf32>
  return %w : tensor<2x3xf32>
}

func.func @nested(%c: i1, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = scf.if %c -> tensor<2xf32> {
    %b = gauss.parameter "fc.bias" : tensor<2xf32>
    scf.yield %b : tensor<2xf32>
  } else {
    scf.yield %x : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}

func.func @relu_deterministic(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %0 = gauss.relu %x : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

func.func @relu_gaussian(%x: !gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32>
  return %0 : !gauss.tensor<4x3xf32>
}

func.func @relu_scalar(%x: !gauss.tensor<f32>) -> !gauss.tensor<f32> {
  %0 = gauss.relu %x : (!gauss.tensor<f32>) -> !gauss.tensor<f32>
  return %0 : !gauss.tensor<f32>
}

func.func @add_deterministic(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = gauss.add %x, %y : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

func.func @add_gaussian(%x: !gauss.tensor<3xf32>, %y: !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32> {
  %0 = gauss.add %x, %y : (!gauss.tensor<3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32>
  return %0 : !gauss.tensor<3xf32>
}

func.func @add_mixed(%x: tensor<3xf32>, %y: !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32> {
  %0 = gauss.add %x, %y : (tensor<3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32>
  return %0 : !gauss.tensor<3xf32>
}

func.func @add_itself(%x: !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32> {
  %0 = gauss.add %x, %x : (!gauss.tensor<3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32>
  return %0 : !gauss.tensor<3xf32>
}

func.func @batch_norm_gaussian_input(%x: !gauss.tensor<?x2x3x3xf32>, %c: tensor<2xf32>) -> !gauss.tensor<?x2x3x3xf32> {
  %0 = gauss.batch_norm %x, %c, %c, %c, %c epsilon 1.0e-3
    : (!gauss.tensor<?x2x3x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x3x3xf32>
  return %0 : !gauss.tensor<?x2x3x3xf32>
}

func.func @batch_norm_gaussian_gamma(%x: tensor<5x2xf32>, %gamma: !gauss.tensor<2xf32>, %c: tensor<2xf32>) -> !gauss.tensor<5x2xf32> {
  %0 = gauss.batch_norm %x, %gamma, %c, %c, %c
    : (tensor<5x2xf32>, !gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<5x2xf32>
  return %0 : !gauss.tensor<5x2xf32>
}

func.func @batch_norm_gaussian_beta(%x: tensor<5x2xf32>, %beta: !gauss.tensor<2xf32>, %c: tensor<2xf32>) -> !gauss.tensor<5x2xf32> {
  %0 = gauss.batch_norm %x, %c, %beta, %c, %c
    : (tensor<5x2xf32>, tensor<2xf32>, !gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<5x2xf32>
  return %0 : !gauss.tensor<5x2xf32>
}

func.func @batch_norm_deterministic(%x: tensor<5x2xf32>, %c: tensor<2xf32>) -> tensor<5x2xf32> {
  %0 = gauss.batch_norm %x, %c, %c, %c, %c
    : (tensor<5x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<5x2xf32>
  return %0 : tensor<5x2xf32>
}

// Normalisations by the values: what does not fit.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @gamma(%x: !gauss.tensor<2x4xf32>, %g: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.layer_norm' op needs tensor<4xf32> as gamma for !gauss.tensor<2x4xf32>, got tensor<3xf32>}}
  %0 = gauss.layer_norm %x, %g : (!gauss.tensor<2x4xf32>, tensor<3xf32>) -> !gauss.tensor<2x4xf32>
  return
}

// -----

func.func @beta(%x: !gauss.tensor<2x3x4xf32>, %g: tensor<3x4xf32>, %b: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.layer_norm' op needs !gauss.tensor<3x4xf32> as beta for !gauss.tensor<2x3x4xf32>, got !gauss.tensor<4xf32>}}
  %0 = gauss.layer_norm %x, %g, %b dimensions 2 : (!gauss.tensor<2x3x4xf32>, tensor<3x4xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<2x3x4xf32>
  return
}

// -----

func.func @three_parameters(%x: !gauss.tensor<2x4xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.layer_norm' op has 3 parameters, but takes gamma and beta}}
  %0 = gauss.layer_norm %x, %g, %g, %g : (!gauss.tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<2x4xf32>
  return
}

// -----

func.func @rms_beta(%x: !gauss.tensor<2x4xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.rms_norm' op has 2 parameters, but takes gamma}}
  %0 = gauss.rms_norm %x, %g, %g : (!gauss.tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<2x4xf32>
  return
}

// -----

func.func @rank(%x: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.layer_norm' op needs an input of rank 2 or more, got tensor<4xf32>}}
  %0 = gauss.layer_norm %x dimensions 2 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @dimensions(%x: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.layer_norm' op has 0 as 'dimensions'; it must be in 1..=268435456}}
  %0 = gauss.layer_norm %x dimensions 0 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.rms_norm' op normalises over the batch of tensor<?x4xf32>, which is not fixed}}
  %0 = gauss.rms_norm %x dimensions 2 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @epsilon(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.rms_norm' op has a negative or infinite 'epsilon', or one that is not a number}}
  %0 = gauss.rms_norm %x epsilon -1.0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @groups(%x: tensor<2x4x3xf32>) {
  // expected-error @+1 {{'gauss.group_norm' op has 3 groups, which must divide the 4 channels of tensor<2x4x3xf32>}}
  %0 = gauss.group_norm %x groups 3 : (tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  return
}

// -----

func.func @channels(%x: tensor<2x4x3xf32>, %g: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.instance_norm' op needs tensor<4xf32> as gamma for tensor<2x4x3xf32>, got tensor<3xf32>}}
  %0 = gauss.instance_norm %x, %g : (tensor<2x4x3xf32>, tensor<3xf32>) -> tensor<2x4x3xf32>
  return
}

// -----

func.func @no_channels(%x: tensor<2xf32>) {
  // expected-error @+1 {{'gauss.instance_norm' op needs an input of rank 2 or more, got tensor<2xf32>}}
  %0 = gauss.instance_norm %x : (tensor<2xf32>) -> tensor<2xf32>
  return
}

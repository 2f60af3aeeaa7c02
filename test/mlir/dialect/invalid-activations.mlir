// Attributes of activations that have no meaning.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @clip_without_a_bound(%x: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.clip' op requires attribute 'max'}}
  %0 = gauss.clip %x min 0.0 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @clip_of_nothing(%x: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.clip' op has 'min' 1, which is not below 'max' 1}}
  %0 = gauss.clip %x min 1.0 max 1.0 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @clip_too_wide(%x: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.clip' op has 1e20 as 'max'; it is from -1e18 to 1e18}}
  %0 = gauss.clip %x min 0.0 max 1.0e+20 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @slope(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.leaky_relu' op has 1e39 as 'slope', which does not fit in float32}}
  %0 = gauss.leaky_relu %x slope 1e39 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @steep_slope(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.leaky_relu' op has -1e20 as 'slope', whose square does not fit in float32}}
  %0 = gauss.leaky_relu %x slope -1e20 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @infinite_slope(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.leaky_relu' op has an infinite 'slope', or one that is not a number}}
  %0 = gauss.leaky_relu %x slope 1e999 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @ramp(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.hard_sigmoid' op has -1e19 as 'alpha'; it is from -1e18 to 1e18}}
  %0 = gauss.hard_sigmoid %x alpha -1.0e+19 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @negative_elu(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.elu' op has -1e0 as 'alpha'; it is from 0e0 to 1e6}}
  %0 = gauss.elu %x alpha -1.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @celu_without_a_scale(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.celu' op has 0e0 as 'alpha'; it is from 1e-6 to 1e6}}
  %0 = gauss.celu %x alpha 0.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @unknown_form(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.gelu' op has 'erf' as 'approximate'; known: 'none', 'tanh'}}
  %0 = gauss.gelu %x approximate "erf" : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @unknown_attribute(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{no attribute 'slope'; known: min, max}}
  %0 = gauss.clip %x slope 1.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @another_shape(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.silu' op has result type '!gauss.tensor<5xf32>', but its operands and attributes give '!gauss.tensor<4xf32>'}}
  %0 = gauss.silu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<5xf32>
  return
}

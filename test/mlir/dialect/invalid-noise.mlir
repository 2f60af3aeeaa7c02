// Noise that has no meaning.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @certain(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.dropout' op has 1e0 as 'rate'; it is at least 0 and, rounded to float32, below 1}}
  %0 = gauss.dropout %x rate 1.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @almost_certain(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.dropout' op has 9.9999999e-1 as 'rate'; it is at least 0 and, rounded to float32, below 1}}
  %0 = gauss.dropout %x rate 0.99999999 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @negative_rate(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.dropout' op has -1e-1 as 'rate'; it is at least 0 and, rounded to float32, below 1}}
  %0 = gauss.dropout %x rate -0.1 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @negative_noise(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.noise' op has a negative or infinite 'variance', or one that is not a number}}
  %0 = gauss.noise %x variance -1.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @infinite_noise(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.noise' op has a negative or infinite 'variance', or one that is not a number}}
  %0 = gauss.noise %x variance 1e999 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @large_noise(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.noise' op has 1e39 as 'variance', which does not fit in float32}}
  %0 = gauss.noise %x variance 1e39 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @without_variance(%x: !gauss.tensor<4xf32>) {
  // expected-error @+1 {{'gauss.noise' op requires attribute 'variance'}}
  %0 = gauss.noise %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  return
}

// -----

func.func @result_without_variance(%x: tensor<4xf32>) {
  // expected-error @+1 {{'gauss.dropout' op has result type 'tensor<4xf32>', but its operands and attributes give '!gauss.tensor<4xf32>'}}
  %0 = gauss.dropout %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// Recurrent layers and attention: what does not fit.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @blend(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.blend' op blends tensor<2x3xf32> and tensor<2x4xf32> by tensor<2x3xf32>, whose shapes differ}}
  %0 = gauss.blend %x, %x, %y : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @logits(%x: tensor<3xf32>) {
  // expected-error @+1 {{'gauss.attention_weights' op needs logits of rank 2 or more, got tensor<3xf32>}}
  %0 = gauss.attention_weights %x : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @causal_rows(%x: !gauss.tensor<2x5x3xf32>) {
  // expected-error @+1 {{'gauss.attention_weights' op is causal on !gauss.tensor<2x5x3xf32>, whose first 2 rows would see nothing}}
  %0 = gauss.attention_weights %x causal true : (!gauss.tensor<2x5x3xf32>) -> !gauss.tensor<2x5x3xf32>
  return
}

// -----

func.func @causal_batch(%x: !gauss.tensor<?x3xf32>) {
  // expected-error @+1 {{'gauss.attention_weights' op is causal along the batch of !gauss.tensor<?x3xf32>, which is not fixed}}
  %0 = gauss.attention_weights %x causal true : (!gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32>
  return
}

// -----

func.func @keys(%q: tensor<2x5x3xf32>, %k: tensor<2x5x4xf32>) {
  // expected-error @+1 {{'gauss.attention' op multiplies tensor<2x5x3xf32> by tensor<2x5x4xf32>: the rows of the left matrix have 3 elements, the columns of the right one 4}}
  %0 = gauss.attention %q, %k, %k : (tensor<2x5x3xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return
}

// -----

func.func @values(%q: !gauss.tensor<2x5x3xf32>, %v: tensor<2x4x3xf32>) {
  // expected-error @+1 {{'gauss.attention' op multiplies !gauss.tensor<2x5x5xf32> by tensor<2x4x3xf32>: the rows of the left matrix have 5 elements, the columns of the right one 4}}
  %0 = gauss.attention %q, %q, %v : (!gauss.tensor<2x5x3xf32>, !gauss.tensor<2x5x3xf32>, tensor<2x4x3xf32>) -> !gauss.tensor<2x5x3xf32>
  return
}

// -----

func.func @lstm_weight(%x: tensor<2x7x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @+1 {{'gauss.lstm' op needs a weight of the sizes of tensor<1x16x3xf32> for 1 direction(s) of 4 gates of 4 numbers on tensor<2x7x3xf32>, got tensor<1x12x3xf32>}}
  %0 = gauss.lstm %x, %w, %r : (tensor<2x7x3xf32>, tensor<1x12x3xf32>, tensor<1x16x4xf32>) -> tensor<2x7x4xf32>
  return
}

// -----

func.func @lstm_directions(%x: tensor<2x7x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @+1 {{'gauss.lstm' op needs a weight of the sizes of tensor<2x16x3xf32> for 2 direction(s) of 4 gates of 4 numbers on tensor<2x7x3xf32>, got tensor<1x16x3xf32>}}
  %0 = gauss.lstm %x, %w, %r direction "bidirectional" : (tensor<2x7x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<2x7x8xf32>
  return
}

// -----

func.func @lstm_gates(%x: tensor<2x7x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @+1 {{'gauss.lstm' op has the gates 'ifog'; known: 'ifgo', as in PyTorch, and 'iofc', as in ONNX}}
  %0 = gauss.lstm %x, %w, %r gates "ifog" : (tensor<2x7x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<2x7x4xf32>
  return
}

// -----

func.func @lstm_direction(%x: tensor<2x7x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @+1 {{'gauss.lstm' op has the direction 'backward'; known: 'forward', 'reverse', 'bidirectional'}}
  %0 = gauss.lstm %x, %w, %r direction "backward" : (tensor<2x7x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<2x7x4xf32>
  return
}

// -----

func.func @lstm_steps(%x: tensor<2x513x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @+1 {{'gauss.lstm' op has 513 steps; each is written out, up to 512}}
  %0 = gauss.lstm %x, %w, %r : (tensor<2x513x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<2x513x4xf32>
  return
}

// -----

func.func @lstm_input(%x: tensor<7x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // expected-error @+1 {{'gauss.lstm' op needs an input of items, steps and features, got tensor<7x3xf32>}}
  %0 = gauss.lstm %x, %w, %r : (tensor<7x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @gru_bias(%x: tensor<2x7x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>, %b: !gauss.tensor<12xf32>) {
  // expected-error @+1 {{'gauss.gru' op needs a bias of the sizes of tensor<1x12xf32> for 1 direction(s) of 3 gates of 4 numbers on tensor<2x7x3xf32>, got !gauss.tensor<12xf32>}}
  %0 = gauss.gru %x, %w, %r, %b : (tensor<2x7x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>, !gauss.tensor<12xf32>) -> !gauss.tensor<2x7x4xf32>
  return
}

// -----

func.func @gru_biases(%x: tensor<2x7x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>, %b: tensor<1x12xf32>) {
  // expected-error @+1 {{'gauss.gru' op has 3 biases, but takes one for each weight}}
  %0 = gauss.gru %x, %w, %r, %b, %b, %b : (tensor<2x7x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>, tensor<1x12xf32>, tensor<1x12xf32>, tensor<1x12xf32>) -> tensor<2x7x4xf32>
  return
}

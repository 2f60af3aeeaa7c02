// Predictive ops that have no meaning.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @softmax_of_images(%x: !gauss.tensor<1x2x3xf32>) {
  // expected-error @+1 {{'gauss.softmax' op needs a tensor of rank 2, got !gauss.tensor<1x2x3xf32>}}
  %0 = gauss.softmax %x method "laplace" : (!gauss.tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @softmax_is_deterministic(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.softmax' op has result type '!gauss.tensor<1x3xf32>', but its operands and attributes give 'tensor<1x3xf32>'}}
  %0 = gauss.softmax %x method "laplace" : (!gauss.tensor<1x3xf32>) -> !gauss.tensor<1x3xf32>
  return
}

// -----

func.func @unknown_method(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.softmax' op has the method 'exact'; known: 'mean-field', 'laplace', 'sample'}}
  %0 = gauss.softmax %x method "exact" : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @draws_of_a_closed_form(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.uncertainty' op has 'draws' or a 'seed', which the method 'laplace' does not take}}
  %0 = gauss.uncertainty %x method "laplace" draws 10 : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @sample_without_draws(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.uncertainty' op needs a number from 1 to 65536 as 'draws' of the method 'sample'}}
  %0 = gauss.uncertainty %x method "sample" seed 1 : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @too_many_draws(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.softmax' op needs a number from 1 to 65536 as 'draws' of the method 'sample'}}
  %0 = gauss.softmax %x method "sample" draws 65537 : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @decide_on_half_an_uncertainty(%p: tensor<2x3xf32>, %u: tensor<2x2xf32>) {
  // expected-error @+1 {{'gauss.decide' op decides on tensor<2x3xf32> with the uncertainty tensor<2x2xf32>; it must hold 3 numbers for each item: total, aleatoric, epistemic}}
  %0 = gauss.decide %p, %u : (tensor<2x3xf32>, tensor<2x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @decide_on_logits(%p: !gauss.tensor<2x3xf32>, %u: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.decide' op operand #0 must be ranked tensor of 32-bit float values, but got '!gauss.tensor<2x3xf32>'}}
  %0 = gauss.decide %p, %u : (!gauss.tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @negative_threshold(%p: tensor<2x4xf32>, %u: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.decide' op has a negative or infinite 'aleatoric', or one that is not a number}}
  %0 = gauss.decide %p, %u aleatoric -1.0 : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @certain_interval(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.interval' op has a 'coverage' that is not between 0 and 1}}
  %0 = gauss.interval %x coverage 1.0 : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// -----

func.func @negative_noise(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.interval' op has a negative or infinite 'noise', or one that is not a number}}
  %0 = gauss.interval %x coverage 0.5 noise -1.0 : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// -----

func.func @interval_without_ends(%x: !gauss.tensor<1x3xf32>) {
  // expected-error @+1 {{'gauss.interval' op has result type 'tensor<1x3xf32>', but its operands and attributes give 'tensor<1x3x2xf32>'}}
  %0 = gauss.interval %x coverage 0.5 : (!gauss.tensor<1x3xf32>) -> tensor<1x3xf32>
  return
}

// -----

func.func @softmax_of_one_class(%x: !gauss.tensor<?x1xf32>) {
  // expected-error @+1 {{'gauss.softmax' op has 1 logit for each item, but classes are told apart by 2 or more: one class is always certain; for a binary label use gauss.binary_probability, gauss.binary_uncertainty and gauss.binary_decide}}
  %0 = gauss.softmax %x method "mean-field" : (!gauss.tensor<?x1xf32>) -> tensor<?x1xf32>
  return
}

// -----

func.func @uncertainty_of_one_class(%x: !gauss.tensor<2x1xf32>) {
  // expected-error @+1 {{'gauss.uncertainty' op has 1 logit for each item, but classes are told apart by 2 or more: one class is always certain; for a binary label use gauss.binary_probability, gauss.binary_uncertainty and gauss.binary_decide}}
  %0 = gauss.uncertainty %x method "sample" draws 10 : (!gauss.tensor<2x1xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @decide_on_one_class(%p: tensor<2x1xf32>, %u: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.decide' op has 1 probability for each item, but classes are told apart by 2 or more: one class is always certain; for a binary label use gauss.binary_probability, gauss.binary_uncertainty and gauss.binary_decide}}
  %0 = gauss.decide %p, %u : (tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @labels_of_images(%x: !gauss.tensor<1x2x3xf32>) {
  // expected-error @+1 {{'gauss.binary_probability' op needs a tensor of rank 2, got !gauss.tensor<1x2x3xf32>}}
  %0 = gauss.binary_probability %x : (!gauss.tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @uncertainty_without_columns(%x: !gauss.tensor<4x1xf32>) {
  // expected-error @+1 {{'gauss.binary_uncertainty' op has result type 'tensor<4x3xf32>', but its operands and attributes give 'tensor<4x1x3xf32>'}}
  %0 = gauss.binary_uncertainty %x : (!gauss.tensor<4x1xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @decide_on_other_labels(%p: tensor<4x1xf32>, %u: tensor<4x2x3xf32>) {
  // expected-error @+1 {{'gauss.binary_decide' op decides on tensor<4x1xf32> with the uncertainty tensor<4x2x3xf32>; it must hold 3 numbers for each label: total, aleatoric, epistemic}}
  %0 = gauss.binary_decide %p, %u : (tensor<4x1xf32>, tensor<4x2x3xf32>) -> tensor<4x1xf32>
  return
}

// -----

func.func @threshold_that_is_no_number(%p: tensor<4x1xf32>, %u: tensor<4x1x3xf32>) {
  // expected-error @+1 {{'gauss.binary_decide' op has a negative or infinite 'epistemic', or one that is not a number}}
  %0 = gauss.binary_decide %p, %u epistemic 0x7FF8000000000000 : (tensor<4x1xf32>, tensor<4x1x3xf32>) -> tensor<4x1xf32>
  return
}

// -----

func.func @too_many_numbers(%x: !gauss.tensor<1x5000xf32>) {
  // expected-error @+1 {{'gauss.softmax' op draws 5000 classes 65536 times; draws times classes must not be more than 2^26, whose numbers take 256 MiB}}
  %0 = gauss.softmax %x method "sample" draws 65536 : (!gauss.tensor<1x5000xf32>) -> tensor<1x5000xf32>
  return
}

// -----

func.func @too_many_numbers_of_uncertainty(%x: !gauss.tensor<1x1025xf32>) {
  // expected-error @+1 {{'gauss.uncertainty' op draws 1025 classes 65536 times}}
  %0 = gauss.uncertainty %x method "sample" draws 65536 : (!gauss.tensor<1x1025xf32>) -> tensor<1x3xf32>
  return
}

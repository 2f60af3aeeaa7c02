// Diagnostics that any layer gives, shown mostly on gauss.relu: element types, sizes,
// arity, unknown names, and a result type that does not follow from the operands.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @double(%x: tensor<2x3xf64>) {
  // expected-error @+1 {{'gauss.relu' op operand #0 must be f32 tensor, Gaussian (`!gauss.tensor`) or deterministic (`tensor`), but got 'tensor<2x3xf64>'}}
  %0 = gauss.relu %x : (tensor<2x3xf64>) -> tensor<2x3xf64>
  return
}

// -----

func.func @half(%x: tensor<2x3xf16>) {
  // expected-error @+1 {{'gauss.relu' op operand #0 must be f32 tensor, Gaussian (`!gauss.tensor`) or deterministic (`tensor`), but got 'tensor<2x3xf16>'}}
  %0 = gauss.relu %x : (tensor<2x3xf16>) -> tensor<2x3xf16>
  return
}

// -----

func.func @unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{'gauss.relu' op operand #0 must be f32 tensor, Gaussian (`!gauss.tensor`) or deterministic (`tensor`), but got 'tensor<*xf32>'}}
  %0 = gauss.relu %x : (tensor<*xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @buffer(%x: memref<2xf32>) {
  // expected-error @+1 {{'gauss.relu' op operand #0 must be f32 tensor, Gaussian (`!gauss.tensor`) or deterministic (`tensor`), but got 'memref<2xf32>'}}
  %0 = gauss.relu %x : (memref<2xf32>) -> memref<2xf32>
  return
}

// -----

func.func @zero_sized(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'gauss.relu' op has operand 0 of type tensor<2x0xf32>: no size may be 0}}
  %0 = gauss.relu %x : (tensor<2x0xf32>) -> tensor<2x0xf32>
  return
}

// -----

func.func @dynamic_feature(%x: tensor<2x?xf32>) {
  // expected-error @+1 {{'gauss.relu' op has operand 0 of type tensor<2x?xf32>: only the leading dimension, the batch, may be dynamic}}
  %0 = gauss.relu %x : (tensor<2x?xf32>) -> tensor<2x?xf32>
  return
}

// -----

func.func @huge(%x: tensor<16384x16384x2xf32>) {
  // expected-error @+1 {{'gauss.relu' op has operand 0 of type tensor<16384x16384x2xf32>: more than 2^28 elements}}
  %0 = gauss.relu %x : (tensor<16384x16384x2xf32>) -> tensor<16384x16384x2xf32>
  return
}

// -----

func.func @overflowing(%x: tensor<4611686018427387904x4xf32>) {
  // expected-error @+1 {{'gauss.relu' op has operand 0 of type tensor<4611686018427387904x4xf32>: more than 2^28 elements}}
  %0 = gauss.relu %x : (tensor<4611686018427387904x4xf32>) -> tensor<4611686018427387904x4xf32>
  return
}

// -----

// The operands are small, the result is not.
func.func @huge_result(%x: tensor<65536x1xf32>) {
  // expected-error @+1 {{'gauss.dense' op has a result of type tensor<65536x65536xf32>: more than 2^28 elements}}
  %0 = gauss.dense %x, %x : (tensor<65536x1xf32>, tensor<65536x1xf32>) -> tensor<65536x65536xf32>
  return
}

// -----

func.func @dynamic_result(%x: tensor<?x3xf32>, %w: tensor<?x3xf32>) {
  // expected-error @+1 {{'gauss.dense' op has a result of type tensor<?x?xf32>: only the leading dimension, the batch, may be dynamic}}
  %0 = gauss.dense %x, %w : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @result_of_another_shape(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.relu' op has result type 'tensor<3x2xf32>', but its operands and attributes give 'tensor<2x3xf32>'}}
  %0 = gauss.relu %x : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @result_without_the_batch(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{'gauss.relu' op has result type 'tensor<2x3xf32>', but its operands and attributes give 'tensor<?x3xf32>'}}
  %0 = gauss.relu %x : (tensor<?x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// A layer of deterministic operands has a deterministic result.
func.func @result_turns_gaussian(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.relu' op has result type '!gauss.tensor<2x3xf32>', but its operands and attributes give 'tensor<2x3xf32>'}}
  %0 = gauss.relu %x : (tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return
}

// -----

func.func @result_loses_the_variance(%x: !gauss.tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.relu' op has result type 'tensor<2x3xf32>', but its operands and attributes give '!gauss.tensor<2x3xf32>'}}
  %0 = gauss.relu %x : (!gauss.tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @two_operands(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.relu' op requires a single operand}}
  %0 = "gauss.relu"(%x, %x) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @two_results(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'gauss.relu' op requires one result}}
  %0:2 = "gauss.relu"(%x) : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>)
  return
}

// -----

func.func @unknown_op(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{custom op 'gauss.no_such_op' is unknown}}
  %0 = gauss.no_such_op %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @unknown_op_in_generic_form(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{unregistered operation 'gauss.no_such_op' found in dialect ('gauss') that does not allow unknown operations}}
  %0 = "gauss.no_such_op"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// RUN: pfp-opt %s --split-input-file --verify-diagnostics --gauss-remark-independence > /dev/null

// One value, both operands.
func.func @itself(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  // expected-remark @+2 {{takes its operands 0 and 1 as independent, which are the same value}}
  // expected-note @+1 {{gauss.square has the moments of a number times itself}}
  %0 = gauss.mul %x, %x : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// -----

// An argument, by two ways. Every op that joins them is named, not those on the way.
// expected-note @+1 {{argument 0 of this function}}
func.func @argument(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x6xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %1 = gauss.tanh %x : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  // expected-remark @+1 {{takes its operands 0 and 1 as independent; both depend on argument 0}}
  %2 = gauss.concat %0, %1 axis 1 : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x6xf32>
  return %2 : !gauss.tensor<2x6xf32>
}

// -----

// A weight in two layers in series, named twice.
func.func @tied(%x: tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  // expected-note @+1 {{the parameter}}
  %w = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  %0 = gauss.dense %x, %w : (tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  %v = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  // expected-remark @+1 {{takes its operands 0 and 1 as independent; both depend on the parameter "w"}}
  %1 = gauss.dense %0, %v : (!gauss.tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  return %1 : !gauss.tensor<2x3xf32>
}

// -----

// A function that is called twice has the same weights both times.
func.func private @layer(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  // expected-note @+1 {{the parameter}}
  %w = gauss.parameter "w" : !gauss.tensor<3x3xf32>
  %0 = gauss.dense %x, %w : (!gauss.tensor<2x3xf32>, !gauss.tensor<3x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

func.func @calls(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = call @layer(%x) : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  // expected-remark @+1 {{passes as operand 0 what depends on the parameter "w", which the function uses again}}
  %1 = call @layer(%0) : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %1 : !gauss.tensor<2x3xf32>
}

// -----

// A gate for every channel: each of its elements scales a whole plane.
func.func @gate(%x: tensor<1x2x4x4xf32>, %gate: !gauss.tensor<1x2x1x1xf32>) -> !gauss.tensor<1x2x4x4xf32> {
  // expected-remark @+2 {{repeats elements of its operand 1; what brings copies together takes them as independent}}
  // expected-note @+1 {{a sum of n copies}}
  %0 = gauss.mul %x, %gate : (tensor<1x2x4x4xf32>, !gauss.tensor<1x2x1x1xf32>) -> !gauss.tensor<1x2x4x4xf32>
  return %0 : !gauss.tensor<1x2x4x4xf32>
}

// -----

func.func @copies(%x: !gauss.tensor<1x2x4x4xf32>) -> !gauss.tensor<1x2x8x8xf32> {
  // expected-remark @+2 {{repeats elements of its operand 0}}
  // expected-note @+1 {{a sum of n copies}}
  %0 = gauss.upsample %x factors [1, 1, 2, 2] : (!gauss.tensor<1x2x4x4xf32>) -> !gauss.tensor<1x2x8x8xf32>
  return %0 : !gauss.tensor<1x2x8x8xf32>
}

// -----

// Nothing to say: an exact value used twice, parts that are apart, independent weights, items of a batch.
func.func @independent(%x: tensor<2x6xf32>, %y: !gauss.tensor<2x6xf32>, %b: !gauss.tensor<1x3xf32>) -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<3x6xf32>
  %v = gauss.parameter "v" : !gauss.tensor<3x6xf32>
  %0 = gauss.dense %x, %w : (tensor<2x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<2x3xf32>
  %1 = gauss.dense %x, %v : (tensor<2x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<2x3xf32>
  %2 = gauss.add %0, %1 : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %even = gauss.slice %y axis 1 start 0 size 3 step 2 : (!gauss.tensor<2x6xf32>) -> !gauss.tensor<2x3xf32>
  %odd = gauss.slice %y axis 1 start 1 size 3 step 2 : (!gauss.tensor<2x6xf32>) -> !gauss.tensor<2x3xf32>
  %gate = gauss.sigmoid %odd : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %3 = gauss.mul %even, %gate : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %4 = gauss.add %2, %3 : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  %5 = gauss.add %4, %b : (!gauss.tensor<2x3xf32>, !gauss.tensor<1x3xf32>) -> !gauss.tensor<2x3xf32>
  return %5 : !gauss.tensor<2x3xf32>
}

// -----

// Parts that have elements in common.
// expected-note @+1 {{argument 0 of this function}}
func.func @overlap(%y: !gauss.tensor<2x6xf32>) -> !gauss.tensor<2x3xf32> {
  %low = gauss.slice %y axis 1 start 0 size 3 : (!gauss.tensor<2x6xf32>) -> !gauss.tensor<2x3xf32>
  %high = gauss.slice %y axis 1 start 2 size 3 : (!gauss.tensor<2x6xf32>) -> !gauss.tensor<2x3xf32>
  // expected-remark @+1 {{takes its operands 0 and 1 as independent; both depend on argument 0}}
  %0 = gauss.mul %low, %high : (!gauss.tensor<2x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

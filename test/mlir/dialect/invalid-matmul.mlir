// Products of matrices: what does not fit.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @depth(%x: !gauss.tensor<2x4x3xf32>, %y: tensor<2x4x3xf32>) {
  // expected-error @+1 {{'gauss.matmul' op multiplies !gauss.tensor<2x4x3xf32> by tensor<2x4x3xf32>: the rows of the left matrix have 3 elements, the columns of the right one 4}}
  %0 = gauss.matmul %x, %y : (!gauss.tensor<2x4x3xf32>, tensor<2x4x3xf32>) -> !gauss.tensor<2x4x3xf32>
  return
}

// -----

func.func @transposed_depth(%x: !gauss.tensor<4x3xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+1 {{'gauss.matmul' op multiplies !gauss.tensor<4x3xf32> by tensor<3x4xf32>: the rows of the left matrix have 3 elements, the columns of the right one 4}}
  %0 = gauss.matmul %x, %y transpose_rhs true : (!gauss.tensor<4x3xf32>, tensor<3x4xf32>) -> !gauss.tensor<4x3xf32>
  return
}

// -----

func.func @leading(%x: tensor<2x4x3xf32>, %y: tensor<3x3x4xf32>) {
  // expected-error @+1 {{'gauss.matmul' op multiplies tensor<2x4x3xf32> by tensor<3x3x4xf32>, whose leading dimensions do not fit each other}}
  %0 = gauss.matmul %x, %y : (tensor<2x4x3xf32>, tensor<3x3x4xf32>) -> tensor<2x4x4xf32>
  return
}

// -----

func.func @rank(%x: tensor<3xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+1 {{'gauss.matmul' op needs matrices, tensors of rank 2 and more, got tensor<3xf32>}}
  %0 = gauss.matmul %x, %y : (tensor<3xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @batch_summed(%x: tensor<?x3xf32>, %y: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.matmul' op multiplies tensor<?x3xf32> by tensor<?x4xf32> and sums over the batch, which is not fixed}}
  %0 = gauss.matmul %x, %y transpose_lhs true : (tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @batch_inside(%x: tensor<2x4x3xf32>, %y: tensor<?x3xf32>) {
  // expected-error @+1 {{'gauss.matmul' op has a result of type tensor<2x4x?xf32>: only the leading dimension, the batch, may be dynamic}}
  %0 = gauss.matmul %x, %y transpose_rhs true : (tensor<2x4x3xf32>, tensor<?x3xf32>) -> tensor<2x4x1xf32>
  return
}

// -----

func.func @result_type(%x: tensor<2x4x3xf32>, %y: !gauss.tensor<3x5xf32>) {
  // expected-error @+1 {{'gauss.matmul' op has result type 'tensor<2x4x5xf32>', but its operands and attributes give '!gauss.tensor<2x4x5xf32>'}}
  %0 = gauss.matmul %x, %y : (tensor<2x4x3xf32>, !gauss.tensor<3x5xf32>) -> tensor<2x4x5xf32>
  return
}

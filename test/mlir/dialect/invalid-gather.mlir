// Elements by numbers, and interpolation: what does not fit.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics

func.func @gather_negative(%x: !gauss.tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.gather' op has -1 in 'indices'; elements are counted from 0, the last is the size less 1}}
  %0 = gauss.gather %x axis 1 indices [0, -1] : (!gauss.tensor<2x4xf32>) -> !gauss.tensor<2x2xf32>
  return
}

// -----

func.func @gather_beyond(%x: !gauss.tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.gather' op takes element 4 along axis 1 of !gauss.tensor<2x4xf32>, which has 4}}
  %0 = gauss.gather %x axis 1 indices [0, 4] : (!gauss.tensor<2x4xf32>) -> !gauss.tensor<2x2xf32>
  return
}

// -----

func.func @gather_nothing(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.gather' op takes nothing: 'indices' is empty}}
  %0 = gauss.gather %x axis 1 indices [] : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @gather_axis(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.gather' op has the axis 2, which tensor<2x4xf32> does not have}}
  %0 = gauss.gather %x axis 2 indices [0] : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @gather_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.gather' op has the axis 0, the batch of tensor<?x4xf32>, which is not fixed}}
  %0 = gauss.gather %x axis 0 indices [0] : (tensor<?x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @embedding_gaussian(%i: !gauss.tensor<2xf32>, %t: tensor<5x3xf32>) {
  // expected-error @+1 {{'gauss.embedding' op takes rows by the Gaussian !gauss.tensor<2xf32>; numbers of rows are known: a tensor}}
  %0 = gauss.embedding %i, %t : (!gauss.tensor<2xf32>, tensor<5x3xf32>) -> !gauss.tensor<2x3xf32>
  return
}

// -----

func.func @embedding_rank(%i: tensor<2xf32>, %t: tensor<5xf32>) {
  // expected-error @+1 {{'gauss.embedding' op needs a table of rank 2, got tensor<5xf32>}}
  %0 = gauss.embedding %i, %t : (tensor<2xf32>, tensor<5xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @embedding_rows(%i: tensor<2xf32>, %t: tensor<16777217x1xf32>) {
  // expected-error @+1 {{'gauss.embedding' op has the table tensor<16777217x1xf32>; it may have up to 2^24 rows, whose numbers float32 holds}}
  %0 = gauss.embedding %i, %t : (tensor<2xf32>, tensor<16777217x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @resize_rank(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.resize' op has 1 numbers in 'sizes' for tensor<2x4xf32> of rank 2}}
  %0 = gauss.resize %x sizes [8] : (tensor<2x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @resize_by_nothing(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.resize' op needs 'sizes', or else 'numerators' and 'denominators'}}
  %0 = gauss.resize %x : (tensor<2x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @resize_half_a_fraction(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.resize' op needs the attribute 'denominators'}}
  %0 = gauss.resize %x numerators [1, 2] : (tensor<2x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @resize_to_nothing(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.resize' op leaves nothing of dimension 1 of tensor<2x4xf32>}}
  %0 = gauss.resize %x numerators [1, 1] denominators [1, 5] : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @resize_batch(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{'gauss.resize' op resizes the batch of tensor<?x4xf32>, which is not fixed}}
  %0 = gauss.resize %x sizes [3, 4] : (tensor<?x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @resize_coordinates(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.resize' op has the coordinates 'asymmetric'; known: 'half_pixel', 'align_corners'}}
  %0 = gauss.resize %x sizes [2, 8] coordinates "asymmetric" : (tensor<2x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @gather_large(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{'gauss.gather' op has 268435457 in 'indices'; it must be at most 268435456}}
  %0 = gauss.gather %x axis 1 indices [268435457] : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @resize_long(%x: tensor<4194305xf32>) {
  // expected-error @+1 {{'gauss.resize' op resizes dimension 0 of tensor<4194305xf32> to 5; neither size may be larger than 2^22}}
  %0 = gauss.resize %x sizes [5] : (tensor<4194305xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @resize_to_long(%x: tensor<5xf32>) {
  // expected-error @+1 {{'gauss.resize' op resizes dimension 0 of tensor<5xf32> to 4194305; neither size may be larger than 2^22}}
  %0 = gauss.resize %x sizes [4194305] : (tensor<5xf32>) -> tensor<4194305xf32>
  return
}

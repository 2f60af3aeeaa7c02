// From the last pool back, as far as the work goes; what is no number.

// RUN: pfp-opt %s --gauss-correlate-windows=work=102 | FileCheck %s --check-prefix=ONE
// RUN: pfp-opt %s --gauss-correlate-windows=work=101 | FileCheck %s --check-prefix=NONE
// RUN: pfp-opt %s --gauss-correlate-windows | FileCheck %s --check-prefix=ALL
// RUN: not pfp-opt %s --gauss-correlate-windows=work=much 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: {{.*}}work: 'much' is not a number

// For an item the last one takes 4·3 products of what is read and 6 sums of 4·2 products with them, 3·4 products of
// weights and 6 sums of 4 with them, which are added to the others: 12 + 48 + 12 + 24 + 6.
// ONE: gauss.max_pool1d %{{[0-9]+}} kernel [2] strides [2] :
// ONE: gauss.max_pool1d %{{[0-9]+}}, %{{[0-9]+}} kernel [2]
// NONE-NOT: gauss.max_pool1d %{{[0-9]+}},
// ALL: gauss.max_pool1d %{{[0-9]+}}, %{{[0-9]+}} kernel [2] strides [2] :
// ALL: gauss.max_pool1d %{{[0-9]+}}, %{{[0-9]+}} kernel [2]
func.func @net(%x: tensor<?x2x10xf32>, %w: !gauss.tensor<4x2x3xf32>, %v: !gauss.tensor<3x4x2xf32>)
    -> !gauss.tensor<?x3x2xf32> {
  %0 = gauss.conv1d %x, %w : (tensor<?x2x10xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<?x4x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<?x4x8xf32>) -> !gauss.tensor<?x4x4xf32>
  %2 = gauss.conv1d %1, %v : (!gauss.tensor<?x4x4xf32>, !gauss.tensor<3x4x2xf32>) -> !gauss.tensor<?x3x3xf32>
  %3 = gauss.max_pool1d %2 kernel [2] : (!gauss.tensor<?x3x3xf32>) -> !gauss.tensor<?x3x2xf32>
  return %3 : !gauss.tensor<?x3x2xf32>
}

// The type: a shape and f32. Only the leading dimension, the batch, may be
// dynamic; no dimension is zero.

// RUN: pfp-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func private @valid
// CHECK-SAME: (!gauss.tensor<f32>, !gauss.tensor<3xf32>, !gauss.tensor<?xf32>, !gauss.tensor<?x1x28x28xf32>)
func.func private @valid(!gauss.tensor<f32>, !gauss.tensor<3xf32>, !gauss.tensor<?xf32>,
                         !gauss.tensor<?x1x28x28xf32>)

// -----

// 2^28 elements are the most: 1 GiB for each component.
// CHECK-LABEL: func.func private @largest
func.func private @largest(!gauss.tensor<16384x16384xf32>)

// -----

// expected-error @+1 {{gauss.tensor has element type f32, not 'f64'}}
func.func private @double(!gauss.tensor<2x3xf64>)

// -----

// expected-error @+1 {{gauss.tensor has element type f32, not 'f16'}}
func.func private @half(!gauss.tensor<2x3xf16>)

// -----

// expected-error @+1 {{gauss.tensor has element type f32, not 'i8'}}
func.func private @integer(!gauss.tensor<2x3xi8>)

// -----

// expected-error @+1 {{only the leading dimension of a gauss.tensor, the batch, may be dynamic; dimension 1 is}}
func.func private @dynamic_feature(!gauss.tensor<2x?xf32>)

// -----

// expected-error @+1 {{dimension 1 of a gauss.tensor has size 0}}
func.func private @empty(!gauss.tensor<2x0xf32>)

// -----

// expected-error @+1 {{dimension 0 of a gauss.tensor has size 0}}
func.func private @empty_batch(!gauss.tensor<0x2xf32>)

// -----

// expected-error @+1 {{gauss.tensor has more than 2^28 elements}}
func.func private @too_large(!gauss.tensor<16384x16384x2xf32>)

// -----

// The product of the sizes overflows.
// expected-error @+1 {{gauss.tensor has more than 2^28 elements}}
func.func private @overflow(!gauss.tensor<4611686018427387904x4xf32>)

// -----

// expected-error @+1 {{invalid dimension}}
func.func private @beyond_64_bits(!gauss.tensor<99999999999999999999xf32>)

// -----

// expected-error @+1 {{expected non-function type}}
func.func private @unranked(!gauss.tensor<*xf32>)

// -----

// expected-error @+1 {{expected non-function type}}
func.func private @negative(!gauss.tensor<2x-3xf32>)

// -----

// expected-error @+1 {{expected 'x' in dimension list}}
func.func private @no_element_type(!gauss.tensor<2x3>)

// -----

// expected-error @+1 {{unknown  type `vector` in dialect `gauss`}}
func.func private @unknown_type(!gauss.vector<2xf32>)

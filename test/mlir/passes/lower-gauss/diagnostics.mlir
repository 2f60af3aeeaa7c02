// What cannot be lowered: a division by 0, a name with two shapes, a Gaussian value in an op that does
// not know that it is two tensors.

// RUN: pfp-opt %s --lower-gauss -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --lower-gauss=batch=1 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: lower-gauss: no option 'batch'; known: mode, samples, seed, draws

// expected-error @+1 {{'func.func' op has attributes on arguments or results, which have no place once a Gaussian is two tensors}}
func.func @argument_attributes(%x: !gauss.tensor<2xf32> {llvm.noalias}) -> !gauss.tensor<2xf32> {
  return %x : !gauss.tensor<2xf32>
}

// -----

func.func @branches(%x: !gauss.tensor<2xf32>, %c: i1) -> !gauss.tensor<2xf32> {
  // expected-error @+1 {{holds a gauss value that cannot be lowered: values may flow through gauss ops, functions, calls and returns only}}
  %0 = scf.if %c -> !gauss.tensor<2xf32> {
    scf.yield %x : !gauss.tensor<2xf32>
  } else {
    scf.yield %x : !gauss.tensor<2xf32>
  }
  return %0 : !gauss.tensor<2xf32>
}

// -----

func.func @loops(%x: !gauss.tensor<2xf32>, %zero: index, %n: index, %one: index) -> !gauss.tensor<2xf32> {
  // expected-error @+1 {{holds a gauss value that cannot be lowered}}
  %0 = scf.for %i = %zero to %n step %one iter_args(%a = %x) -> !gauss.tensor<2xf32> {
    %r = gauss.relu %a : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
    scf.yield %r : !gauss.tensor<2xf32>
  }
  return %0 : !gauss.tensor<2xf32>
}

// -----

// expected-error @+1 {{'func.func' op holds a gauss value that cannot be lowered}}
func.func @block_arguments(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  cf.br ^next(%x : !gauss.tensor<2xf32>)
^next(%y: !gauss.tensor<2xf32>):
  return %y : !gauss.tensor<2xf32>
}

// -----

func.func @casts(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  // expected-error @+1 {{holds a gauss value that cannot be lowered}}
  %0 = builtin.unrealized_conversion_cast %x : !gauss.tensor<2xf32> to !gauss.tensor<2xf32>
  return %0 : !gauss.tensor<2xf32>
}

// -----

func.func @one_name_two_shapes() -> (tensor<3xf32>, tensor<2xf32>) {
  // expected-note @+1 {{'w' is tensor<3xf32> here}}
  %0 = gauss.parameter "w" : tensor<3xf32>
  // expected-error @+1 {{'gauss.parameter' op declares the parameter 'w' as tensor<2xf32>, but another op declares it as tensor<3xf32>}}
  %1 = gauss.parameter "w" : tensor<2xf32>
  return %0, %1 : tensor<3xf32>, tensor<2xf32>
}

// -----

func.func @division_by_nothing(%x: !gauss.tensor<?x3xf32>) -> !gauss.tensor<?x3xf32> {
  %d = arith.constant dense<[[1.0, 0.0, 2.0]]> : tensor<1x3xf32>
  // expected-error @+1 {{'gauss.div' op divides by 0, element 1 of its divisor}}
  %0 = gauss.div %x, %d : (!gauss.tensor<?x3xf32>, tensor<1x3xf32>) -> !gauss.tensor<?x3xf32>
  return %0 : !gauss.tensor<?x3xf32>
}

// -----

// Places that see other elements of the kernel are computed apart.
func.func @phases(%x: !gauss.tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> !gauss.tensor<1x1x51x51xf32> {
  // expected-error @+1 {{has 256 phases, places of the result that see other elements of the kernel; each is written out, up to 64}}
  %0 = gauss.conv_transpose2d %x, %w strides [16, 16] : (!gauss.tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> !gauss.tensor<1x1x51x51xf32>
  return %0 : !gauss.tensor<1x1x51x51xf32>
}

// -----

// One place of the result is left, whose neighbours are all padding.
func.func @padding(%x: !gauss.tensor<1x1x1x1xf32>, %w: !gauss.tensor<1x1x3x3xf32>) -> !gauss.tensor<1x1x1x1xf32> {
  // expected-error @+1 {{'gauss.conv_transpose2d' op pads !gauss.tensor<1x1x1x1xf32> to more than 2^28 elements}}
  %0 = gauss.conv_transpose2d %x, %w padding [1048576, 1048576, 1048576, 1048576] dilation [1048576, 1048576] : (!gauss.tensor<1x1x1x1xf32>, !gauss.tensor<1x1x3x3xf32>) -> !gauss.tensor<1x1x1x1xf32>
  return %0 : !gauss.tensor<1x1x1x1xf32>
}

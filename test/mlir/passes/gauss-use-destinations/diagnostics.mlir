// RUN: pfp-opt %s --gauss-use-destinations -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --gauss-use-destinations=in-place 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: gauss-use-destinations: no option 'in-place'; it takes none

// expected-error @+1 {{'func.func' op is a declaration; only functions with a body are compiled}}
func.func private @declaration(tensor<2xf32>)

// -----

// expected-error @+1 {{'func.func' op has an argument or result of type tensor<?x2xf32>; it must be an f32 tensor of fixed size (is the batch set?)}}
func.func @dynamic(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %0 = math.absf %x : tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// expected-error @+1 {{'func.func' op has an argument or result of type !gauss.tensor<2xf32>; it must be an f32 tensor of fixed size}}
func.func @not_lowered(%x: !gauss.tensor<2xf32>) {
  return
}

// -----

// expected-error @+1 {{'func.func' op has an argument or result of type index; it must be an f32 tensor of fixed size}}
func.func @scalar_result(%x: tensor<2xf32>) -> index {
  %0 = arith.constant 1 : index
  return %0 : index
}

// -----

// expected-error @+1 {{'func.func' op has an argument or result of type tensor<*xf32>; it must be an f32 tensor of fixed size}}
func.func @unranked(%x: tensor<*xf32>) {
  return
}

// -----

// expected-error @+1 {{'func.func' op has an argument or result of type memref<2xf32>; it must be an f32 tensor of fixed size}}
func.func @buffer(%x: memref<2xf32>) {
  return
}

// -----

// expected-error @+1 {{'func.func' op has control flow; a network is one block of layers}}
func.func @control_flow(%x: tensor<2xf32>) {
  cf.br ^next
^next:
  return
}

// -----

// expected-error @+1 {{'func.func' op has an argument or result of type tensor<2xf64>; it must be an f32 tensor of fixed size}}
func.func @double(%x: tensor<2xf64>) {
  return
}

// -----

func.func @recursive(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'func.call' op calls a function that could not be inlined (is it recursive?)}}
  %0 = call @recursive(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

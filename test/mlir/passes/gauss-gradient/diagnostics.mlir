// RUN: pfp-opt %s --split-input-file --gauss-gradient --verify-diagnostics

// expected-error @+1 {{has no parameters to differentiate along: they are gauss.parameter ops, lowered before by --lower-gauss and not loaded}}
func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4xf32>
// expected-error @+1 {{has no result to differentiate}}
func.func @nothing() {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  return
}

// -----

memref.global "private" @x : memref<4xf32>
// expected-error @+1 {{reads a parameter in another way than as a tensor}}
func.func @buffer() -> memref<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  return %0 : memref<4xf32>
}

// -----

#map = affine_map<(d0) -> (d0)>
memref.global "private" @x : memref<4xf32>
func.func @power() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @+1 {{holds math.powf, which has no derivative here}}
  %y = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = math.powf %in, %in : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4xf32>
func.func @other() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  // expected-error @+1 {{has no derivative here}}
  %y = math.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#map = affine_map<(d0, d1) -> (d0, d1)>
memref.global "private" @x : memref<4xf32>
func.func @open(%n: index) -> tensor<?x4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  // expected-error @+1 {{has a loop whose trip count is not known; fix the batch first}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, #map], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

memref.global "private" @x : memref<8xf32>
func.func @bent() -> tensor<8xf32> {
  %0 = memref.get_global @x : memref<8xf32>
  %x = bufferization.to_tensor %0 restrict : memref<8xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<8xf32>
  // expected-error @+1 {{has an indexing map that is not linear}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0 floordiv 2)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

memref.global "private" @x : memref<8xf32>
func.func @one_place() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<8xf32>
  %x = bufferization.to_tensor %0 restrict : memref<8xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @+1 {{reads one place of a dimension, which has no derivative here}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (3)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4x4xf32>
func.func @diagonal() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4x4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4x4xf32> to tensor<4x4xf32>
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @+1 {{reads windows in a way that has no derivative here}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0, d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4xf32>
func.func @from_the_start(%z: tensor<4x3xf32>) -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  // expected-error @+1 {{has a largest element that depends on a parameter from the start on, which has no derivative here}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%z : tensor<4x3xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = arith.maxnumf %in, %out : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4x3x2xf32>
func.func @two_loops(%one: tensor<4xf32>) -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4x3x2xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4x3x2xf32> to tensor<4x3x2xf32>
  // expected-error @+1 {{is a recurrence that has no derivative here}}
  %y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0)>], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x : tensor<4x3x2xf32>) outs(%one : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = arith.mulf %in, %out : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4xf32>
func.func @loop(%n: index) -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  // expected-error @+1 {{is a loop that has no derivative here}}
  %y = scf.for %i = %zero to %n step %one iter_args(%sum = %x) -> (tensor<4xf32>) {
    %z = arith.addf %sum, %x : tensor<4xf32>
    scf.yield %z : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

memref.global "private" @x : memref<4xf32>
func.func @where(%at: index) -> tensor<8xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<8xf32>
  // expected-error @+1 {{is at a place that is not known}}
  %y = tensor.insert_slice %x into %e[%at] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %y : tensor<8xf32>
}

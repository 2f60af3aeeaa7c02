// The rules of reverse mode on the numbers of a body, those at corners among them.

// RUN: pfp-opt %s --split-input-file --gauss-gradient --canonicalize | FileCheck %s

#map = affine_map<(d0) -> (d0)>

// The derivative of |x| at 0 is the one on the side of smaller numbers.
// CHECK-LABEL: func.func @absolute
// CHECK: ^bb0(%[[X:.*]]: f32, %[[A:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[X]], %cst
// CHECK: %[[MINUS:.*]] = arith.negf %[[A]]
// CHECK: arith.select %[[ABOVE]], %[[A]], %[[MINUS]]
memref.global "private" @x : memref<4xf32>
func.func @absolute() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = math.absf %in : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#map = affine_map<(d0) -> (d0)>

// So is a comparison of what varies with a constant; the value that is returned has the one that was
// written.
// CHECK-LABEL: func.func @step
// CHECK: arith.cmpf oge
// CHECK: arith.cmpf ogt
// CHECK: return
memref.global "private" @x : memref<4xf32>
func.func @step() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %zero = arith.constant 0.0 : f32
    %below = arith.constant 0.25 : f32
    %slow = arith.mulf %in, %below : f32
    %1 = arith.cmpf oge, %in, %zero : f32
    %2 = arith.select %1, %in, %slow : f32
    linalg.yield %2 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#map = affine_map<(d0) -> (d0)>

// A root is not divided by where it is smaller than that of any normal number.
// CHECK-LABEL: func.func @root
// CHECK: %[[LEAST:.*]] = arith.constant 1.084{{.*}}e-19 : f32
// CHECK: %[[ROOT:.*]] = math.sqrt
// CHECK: %[[HELD:.*]] = arith.maxnumf %[[ROOT]], %[[LEAST]]
// CHECK: arith.divf %{{.*}}, %[[HELD]]
memref.global "private" @x : memref<4xf32>
func.func @root() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = math.sqrt %in : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#map = affine_map<(d0) -> (d0)>

// Where an adjoint is 0, so is its product with a quotient, and with the square of one: both may be
// infinite.
// CHECK-LABEL: func.func @quotient
// CHECK: "quotient.gradient"
// CHECK: %[[SHARE:.*]] = arith.mulf %in{{.*}}, %
// CHECK: %[[NONE:.*]] = arith.cmpf oeq, %in{{.*}}, %[[ZERO:.*]] :
// CHECK: arith.select %[[NONE]], %[[ZERO]], %[[SHARE]]
// CHECK: return
memref.global "private" @x : memref<4xf32>
func.func @quotient(%v: tensor<4xf32>) -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%x, %v : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) attrs = {pfp.layer = "quotient"} {
  ^bb0(%in: f32, %w: f32, %out: f32):
    %one = arith.constant 1.0 : f32
    %1 = arith.divf %one, %w : f32
    %2 = arith.mulf %1, %1 : f32
    %3 = arith.mulf %in, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d0)>

// A step that takes the result of the one before for more than a sum: all steps are written out, each
// with a derivative of its own.
// CHECK-LABEL: func.func @recurrence
// CHECK-SAME: (%{{.*}}: tensor<4xf32>, %[[X:.*]]: tensor<4x3xf32>)
// CHECK-COUNT-3: tensor.extract_slice %[[X]]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel"]
// CHECK-NOT: reduction
// CHECK: return
memref.global "private" @x : memref<4x3xf32>
func.func @recurrence() -> tensor<4xf32> {
  %0 = memref.get_global @x : memref<4x3xf32>
  %x = bufferization.to_tensor %0 restrict : memref<4x3xf32> to tensor<4x3xf32>
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x3xf32>) outs(%one : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = arith.mulf %in, %out : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

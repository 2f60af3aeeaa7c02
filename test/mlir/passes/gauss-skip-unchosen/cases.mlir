// RUN: pfp-opt %s --gauss-skip-unchosen | FileCheck %s

// Mean and variance are chosen together: one branch for both.
// CHECK-LABEL: func.func @two_results
// CHECK: %[[IF:.*]]:2 = scf.if %{{.*}} -> (vector<4xf32>, vector<4xf32>) {
// CHECK: math.log
// CHECK: arith.mulf
// CHECK: scf.yield
// CHECK: arith.select %[[C:.*]], %[[IF]]#0, %{{.*}} {pfp.either}
// CHECK: arith.select %[[C]], %[[IF]]#1, %{{.*}} {pfp.either}
// CHECK-NOT: scf.if
func.func @two_results(%x: vector<4xf32>, %b: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>) {
  %0 = math.log %x : vector<4xf32>
  %1 = arith.mulf %0, %0 : vector<4xf32>
  %c = arith.cmpf oge, %x, %b : vector<4xf32>
  %2 = arith.select %c, %0, %x {pfp.either} : vector<4xi1>, vector<4xf32>
  %3 = arith.select %c, %1, %b {pfp.either} : vector<4xi1>, vector<4xf32>
  return %2, %3 : vector<4xf32>, vector<4xf32>
}

// Vectors side by side share a branch: their operations stay mixed.
// CHECK-LABEL: func.func @two_vectors
// CHECK: %[[C0:.*]] = arith.cmpf
// CHECK: %[[C1:.*]] = arith.cmpf
// CHECK: %[[EITHER:.*]] = arith.ori %[[C0]], %[[C1]] : vector<4xi1>
// CHECK: %[[ANY:.*]] = vector.reduction <or>, %[[EITHER]]
// CHECK: scf.if %[[ANY]]
// CHECK-NEXT: math.log
// CHECK-NEXT: math.log
// CHECK-NEXT: scf.yield
// CHECK-NOT: scf.if
func.func @two_vectors(%x: vector<4xf32>, %y: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>) {
  %0 = math.log %x : vector<4xf32>
  %1 = math.log %y : vector<4xf32>
  %c0 = arith.cmpf oge, %x, %y : vector<4xf32>
  %c1 = arith.cmpf oge, %y, %x : vector<4xf32>
  %2 = arith.select %c0, %0, %x {pfp.either} : vector<4xi1>, vector<4xf32>
  %3 = arith.select %c1, %1, %y {pfp.either} : vector<4xi1>, vector<4xf32>
  return %2, %3 : vector<4xf32>, vector<4xf32>
}

// Vectors of two widths have a bit each; the last elements of a row are scalars.
// CHECK-LABEL: func.func @two_widths
// CHECK: %[[C1:.*]] = arith.cmpf oge, %{{.*}}, %{{.*}} : f32
// CHECK: %[[BIT:.*]] = vector.reduction <or>, %{{.*}} : vector<4xi1> into i1
// CHECK: %[[ANY:.*]] = arith.ori %[[BIT]], %[[C1]] : i1
// CHECK: scf.if %[[ANY]] -> (vector<4xf32>, f32)
func.func @two_widths(%x: vector<4xf32>, %b: vector<4xf32>, %y: f32, %d: f32) -> (vector<4xf32>, f32) {
  %0 = math.log %x : vector<4xf32>
  %1 = math.log %y : f32
  %c0 = arith.cmpf oge, %x, %b : vector<4xf32>
  %c1 = arith.cmpf oge, %y, %d : f32
  %2 = arith.select %c0, %0, %x {pfp.either} : vector<4xi1>, vector<4xf32>
  %3 = arith.select %c1, %1, %y {pfp.either} : f32
  return %2, %3 : vector<4xf32>, f32
}

// A condition that follows from the first choice makes a choice of its own.
// CHECK-LABEL: func.func @one_after_the_other
// CHECK: scf.if
// CHECK: %[[Y:.*]] = arith.select
// CHECK: arith.cmpf oge, %[[Y]]
// CHECK: scf.if
// CHECK: arith.select
func.func @one_after_the_other(%x: vector<4xf32>, %b: vector<4xf32>) -> vector<4xf32> {
  %0 = math.log %x : vector<4xf32>
  %c0 = arith.cmpf oge, %x, %b : vector<4xf32>
  %1 = arith.select %c0, %0, %x {pfp.either} : vector<4xi1>, vector<4xf32>
  %2 = math.log %1 : vector<4xf32>
  %c1 = arith.cmpf oge, %1, %b : vector<4xf32>
  %3 = arith.select %c1, %2, %x {pfp.either} : vector<4xi1>, vector<4xf32>
  return %3 : vector<4xf32>
}

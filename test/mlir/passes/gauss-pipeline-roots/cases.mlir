// RUN: pfp-opt %s --gauss-pipeline-roots --canonicalize | FileCheck %s

// What is computed on the way and needed later is carried too.
// CHECK-LABEL: func.func @carried
// CHECK: arith.addf
// CHECK: scf.for {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}, %[[RATIO:.*]] = %{{.*}}) -> (f32, f32)
// CHECK: memref.load %{{.*}}[%[[NEXT:.*]]]
// CHECK: arith.addf
// CHECK: math.sqrt
// CHECK: arith.divf
// CHECK-NOT: arith.addf
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[SUM]], %[[RATIO]]
// CHECK: memref.store %[[PRODUCT]]
func.func @carried(%m: memref<9xf32>, %v: memref<9xf32>, %w: memref<9xf32>, %y: memref<9xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c9 = arith.constant 9 : index
  scf.for %i = %c0 to %c9 step %c2 {
    %0 = memref.load %m[%i] : memref<9xf32>
    %1 = memref.load %v[%i] : memref<9xf32>
    %2 = memref.load %w[%i] : memref<9xf32>
    %3 = arith.addf %1, %2 : f32
    %4 = math.sqrt %3 : f32
    %5 = arith.divf %0, %4 : f32
    %6 = arith.mulf %3, %5 : f32
    memref.store %6, %y[%i] : memref<9xf32>
  }
  return
}

// The trip that is the last one starts at 8.
// CHECK-LABEL: func.func @last
// CHECK: %[[LAST:.*]] = arith.constant 8 : index
// CHECK: arith.minsi %{{.*}}, %[[LAST]]
func.func @last(%m: memref<9xf32>, %v: memref<9xf32>, %y: memref<9xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c9 = arith.constant 9 : index
  scf.for %i = %c0 to %c9 step %c2 {
    %0 = memref.load %m[%i] : memref<9xf32>
    %1 = memref.load %v[%i] : memref<9xf32>
    %2 = math.sqrt %1 : f32
    %3 = arith.divf %0, %2 : f32
    memref.store %3, %y[%i] : memref<9xf32>
  }
  return
}

// Inner loops alone, also several of one function.
// CHECK-LABEL: func.func @nested
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{[^ ]*}} {
// CHECK: scf.for {{.*}} iter_args
// CHECK: scf.for {{.*}} iter_args
func.func @nested(%v: memref<4x8xf32>, %y: memref<4x8xf32>, %z: memref<4x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %one = arith.constant 1.0 : f32
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c8 step %c1 {
      %0 = memref.load %v[%i, %j] : memref<4x8xf32>
      %1 = math.sqrt %0 : f32
      %2 = arith.divf %one, %1 : f32
      memref.store %2, %y[%i, %j] : memref<4x8xf32>
    }
    scf.for %j = %c0 to %c8 step %c1 {
      %0 = memref.load %v[%i, %j] : memref<4x8xf32>
      %1 = math.sqrt %0 : f32
      %2 = arith.divf %0, %1 : f32
      memref.store %2, %z[%i, %j] : memref<4x8xf32>
    }
  }
  return
}

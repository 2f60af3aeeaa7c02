// RUN: pfp-opt %s --gauss-outline-tasks --split-input-file | FileCheck %s

// Each loop has functions of its own; a loop that is not marked stays.
// CHECK-DAG: func.func private @two.task0
// CHECK-DAG: func.func private @two.dispatch0{{.*}} attributes {gauss.dispatch = 2 : i64}
// CHECK-DAG: func.func private @two.task1
// CHECK-DAG: func.func private @two.dispatch1{{.*}} attributes {gauss.dispatch = 4 : i64}
// CHECK-LABEL: func.func @two
// CHECK: call @two.dispatch0
// CHECK: scf.for
// CHECK: call @two.dispatch1
func.func @two(%x: memref<8xf32>, %arena: memref<0xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %value = arith.constant 1.0 : f32
  scf.for %task = %c0 to %c2 step %c1 {
    memref.store %value, %x[%task] : memref<8xf32>
  } {gauss.tasks}
  scf.for %i = %c0 to %c2 step %c1 {
    memref.store %value, %x[%i] : memref<8xf32>
  }
  scf.for %task = %c0 to %c4 step %c1 {
    memref.store %value, %x[%task] : memref<8xf32>
  } {gauss.tasks}
  return
}

// -----

// A function without tasks takes an executor too, so that all are called alike.
// CHECK-LABEL: func.func @none(%{{.*}}: memref<8xf32>, %{{.*}}: memref<0xi8>, %{{.*}}: memref<0xi8>) attributes {gauss.executor}
func.func @none(%x: memref<8xf32>, %arena: memref<0xi8>) {
  return
}

// -----

// Values from outside inside of inner loops.
// CHECK: func.func private @inner.task0
// CHECK: %[[GLOBAL:.*]] = memref.get_global @weights
// CHECK: scf.for
// CHECK: memref.load %[[GLOBAL]]
memref.global "private" constant @weights : memref<8xf32> = dense<1.0>
func.func @inner(%x: memref<8xf32>, %arena: memref<0xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %weights = memref.get_global @weights : memref<8xf32>
  scf.for %task = %c0 to %c2 step %c1 {
    scf.for %i = %c0 to %c2 step %c1 {
      %value = memref.load %weights[%i] : memref<8xf32>
      memref.store %value, %x[%task] : memref<8xf32>
    }
  } {gauss.tasks}
  return
}

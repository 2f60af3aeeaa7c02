// A loop whose trips may run at the same time becomes a function that an executor of the
// application can call, once for each trip. It takes what its function takes, and the
// number of the task; what it needs besides is computed again.

// RUN: pfp-opt %s --gauss-outline-tasks | FileCheck %s --implicit-check-not=scf.for

// CHECK: func.func private @net.task0(%[[X:.*]]: memref<8xf32>, %[[ARENA:.*]]: memref<64xi8>, %[[TASK:.*]]: index) attributes {gauss.task = 2 : i64}
// CHECK: %[[VIEW:.*]] = memref.view %[[ARENA]]
// CHECK: %[[VALUE:.*]] = memref.load %[[VIEW]][%[[TASK]]]
// CHECK: memref.store %[[VALUE]], %[[X]][%[[TASK]]]
// CHECK: return

// What hands the tasks to the executor is declared here and defined by the C interface.
// CHECK: func.func private @net.dispatch0(memref<8xf32>, memref<64xi8>, memref<0xi8>) attributes {gauss.dispatch = 2 : i64}

// The executor comes last.
// CHECK: func.func @net(%[[X:.*]]: memref<8xf32>, %[[ARENA:.*]]: memref<64xi8>, %[[EXECUTOR:.*]]: memref<0xi8>) attributes {gauss.executor}
// CHECK: call @net.dispatch0(%[[X]], %[[ARENA]], %[[EXECUTOR]])
func.func @net(%x: memref<8xf32>, %arena: memref<64xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %view = memref.view %arena[%c0][] : memref<64xi8> to memref<16xf32>
  scf.for %task = %c0 to %c2 step %c1 {
    %value = memref.load %view[%task] : memref<16xf32>
    memref.store %value, %x[%task] : memref<8xf32>
  } {gauss.tasks}
  return
}

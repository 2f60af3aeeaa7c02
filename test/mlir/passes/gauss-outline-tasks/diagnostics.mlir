// RUN: pfp-opt %s --gauss-outline-tasks -split-input-file -verify-diagnostics

func.func @dynamic(%x: memref<8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error @+1 {{'scf.for' op is marked as tasks; it must be an scf.for from 0 in steps of 1 without results}}
  scf.for %task = %c0 to %n step %c1 {
  } {gauss.tasks}
  return
}

// -----

func.func @impure(%x: memref<8xf32>, %arena: memref<0xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %value = memref.load %x[%c0] : memref<8xf32>
  scf.for %task = %c0 to %c2 step %c1 {
    // expected-error @+1 {{'memref.store' op is part of a task, and uses a value from outside that is not computed by a pure operation}}
    memref.store %value, %x[%task] : memref<8xf32>
  } {gauss.tasks}
  return
}

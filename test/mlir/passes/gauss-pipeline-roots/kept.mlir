// What the pass leaves alone.

// RUN: pfp-opt %s --gauss-pipeline-roots > %t && pfp-opt %s | diff %t -

// A trip reads what the one before has stored, or might.
func.func @in_place(%m: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %all = memref.reinterpret_cast %m to offset: [0], sizes: [8], strides: [1] : memref<8xf32> to memref<8xf32>
  scf.for %i = %c0 to %c8 step %c1 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %0, %1 : f32
    memref.store %2, %all[%i] : memref<8xf32>
  }
  return
}

// A call may store anywhere.
func.func private @f()
func.func @call(%m: memref<8xf32>, %y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %0, %1 : f32
    memref.store %2, %y[%i] : memref<8xf32>
    func.call @f() : () -> ()
  }
  return
}

// Too few trips, or an unknown number.
func.func @trips(%m: memref<8xf32>, %y: memref<8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  scf.for %i = %c0 to %c2 step %c1 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %0, %1 : f32
    memref.store %2, %y[%i] : memref<8xf32>
  }
  scf.for %i = %c0 to %n step %c1 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %0, %1 : f32
    memref.store %2, %y[%i] : memref<8xf32>
  }
  return
}

// A loop of tasks, whose trips may run at the same time.
func.func @tasks(%m: memref<8xf32>, %y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %0, %1 : f32
    memref.store %2, %y[%i] : memref<8xf32>
  } {gauss.tasks}
  return
}

// Nothing is divided by a root; the root is of another place; the loop carries values.
func.func @others(%m: memref<8xf32>, %y: memref<8xf32>, %x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %root = math.sqrt %x : f32
  scf.for %i = %c0 to %c8 step %c1 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %0, %root : f32
    %3 = arith.addf %1, %2 : f32
    memref.store %3, %y[%i] : memref<8xf32>
  }
  %sum = scf.for %i = %c0 to %c8 step %c1 iter_args(%s = %x) -> f32 {
    %0 = memref.load %m[%i] : memref<8xf32>
    %1 = math.sqrt %0 : f32
    %2 = arith.divf %s, %1 : f32
    scf.yield %2 : f32
  }
  return %sum : f32
}

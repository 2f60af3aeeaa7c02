// What the pass leaves alone.

// RUN: pfp-opt %s --gauss-unscale-offsets > %t && pfp-opt %s | diff %t -

// Two loads are not worth a register for their base.
func.func @few(%w: memref<4096xf32>, %zero: vector<4xf32>) -> vector<4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c4096 = arith.constant 4096 : index
  %sum = scf.for %i = %c0 to %c4096 step %c8 iter_args(%s = %zero) -> (vector<4xf32>) {
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %s, %0 : vector<4xf32>
    %t1 = arith.addf %t0, %1 : vector<4xf32>
    scf.yield %t1 : vector<4xf32>
  }
  return %sum : vector<4xf32>
}

// A loop that stores; one that calls; one around another; vectors of another size; a buffer that
// does not begin at its pointer; an offset beyond 32 bits.
func.func private @f()
func.func @others(%w: memref<4096xf32>, %y: memref<4096xf32>, %view: memref<4096xf32, strided<[1], offset: ?>>,
                  %zero: vector<4xf32>, %two: vector<2xf32>) -> (vector<4xf32>, vector<4xf32>, vector<2xf32>, vector<4xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %far = arith.constant 9223372036854775807 : index
  %c4084 = arith.constant 4084 : index
  scf.for %i = %c0 to %c4084 step %c12 {
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %i2 = arith.addi %i, %c8 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    vector.store %0, %y[%i] : memref<4096xf32>, vector<4xf32>
    vector.store %1, %y[%i1] : memref<4096xf32>, vector<4xf32>
    vector.store %2, %y[%i2] : memref<4096xf32>, vector<4xf32>
  }
  %called = scf.for %i = %c0 to %c4084 step %c12 iter_args(%s = %zero) -> (vector<4xf32>) {
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %i2 = arith.addi %i, %c8 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    func.call @f() : () -> ()
    %t0 = arith.addf %s, %0 : vector<4xf32>
    %t1 = arith.addf %t0, %1 : vector<4xf32>
    %t2 = arith.addf %t1, %2 : vector<4xf32>
    scf.yield %t2 : vector<4xf32>
  }
  %outer = scf.for %i = %c0 to %c4084 step %c12 iter_args(%s = %zero) -> (vector<4xf32>) {
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %i2 = arith.addi %i, %c8 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %s, %0 : vector<4xf32>
    %t1 = arith.addf %t0, %1 : vector<4xf32>
    %inner = scf.for %j = %c0 to %c8 step %c4 iter_args(%t = %t1) -> (vector<4xf32>) {
      %t2 = arith.addf %t, %2 : vector<4xf32>
      scf.yield %t2 : vector<4xf32>
    }
    scf.yield %inner : vector<4xf32>
  }
  %narrow = scf.for %i = %c0 to %c4084 step %c12 iter_args(%s = %two) -> (vector<2xf32>) {
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<2xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<2xf32>
    %i2 = arith.addi %i, %c8 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<2xf32>
    %t0 = arith.addf %s, %0 : vector<2xf32>
    %t1 = arith.addf %t0, %1 : vector<2xf32>
    %t2 = arith.addf %t1, %2 : vector<2xf32>
    scf.yield %t2 : vector<2xf32>
  }
  %offset = scf.for %i = %c0 to %c4084 step %c12 iter_args(%s = %zero) -> (vector<4xf32>) {
    %0 = vector.load %view[%i] : memref<4096xf32, strided<[1], offset: ?>>, vector<4xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %view[%i1] : memref<4096xf32, strided<[1], offset: ?>>, vector<4xf32>
    %i2 = arith.addi %i, %c8 : index
    %2 = vector.load %view[%i2] : memref<4096xf32, strided<[1], offset: ?>>, vector<4xf32>
    %i3 = arith.addi %i, %far : index
    %3 = vector.load %w[%i3] : memref<4096xf32>, vector<4xf32>
    %4 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %5 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %s, %0 : vector<4xf32>
    %t1 = arith.addf %t0, %1 : vector<4xf32>
    %t2 = arith.addf %t1, %2 : vector<4xf32>
    %t3 = arith.addf %t2, %3 : vector<4xf32>
    %t4 = arith.addf %t3, %4 : vector<4xf32>
    %t5 = arith.addf %t4, %5 : vector<4xf32>
    scf.yield %t5 : vector<4xf32>
  }
  return %called, %outer, %narrow, %offset : vector<4xf32>, vector<4xf32>, vector<2xf32>, vector<4xf32>
}

// A buffer of vectors, whose elements are four times as far apart, and one in another memory.
func.func @memories(%v: memref<1024xvector<4xf32>>, %l: memref<4096xf32, 3>, %zero: vector<4xf32>) -> vector<4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %c1008 = arith.constant 1008 : index
  %sum = scf.for %i = %c0 to %c1008 step %c12 iter_args(%s = %zero) -> (vector<4xf32>) {
    %i1 = arith.addi %i, %c4 : index
    %i2 = arith.addi %i, %c8 : index
    %0 = vector.load %v[%i] : memref<1024xvector<4xf32>>, vector<4xf32>
    %1 = vector.load %v[%i1] : memref<1024xvector<4xf32>>, vector<4xf32>
    %2 = vector.load %v[%i2] : memref<1024xvector<4xf32>>, vector<4xf32>
    %3 = vector.load %l[%i] : memref<4096xf32, 3>, vector<4xf32>
    %4 = vector.load %l[%i1] : memref<4096xf32, 3>, vector<4xf32>
    %5 = vector.load %l[%i2] : memref<4096xf32, 3>, vector<4xf32>
    %t0 = arith.addf %s, %0 : vector<4xf32>
    %t1 = arith.addf %t0, %1 : vector<4xf32>
    %t2 = arith.addf %t1, %2 : vector<4xf32>
    %t3 = arith.addf %t2, %3 : vector<4xf32>
    %t4 = arith.addf %t3, %4 : vector<4xf32>
    %t5 = arith.addf %t4, %5 : vector<4xf32>
    scf.yield %t5 : vector<4xf32>
  }
  return %sum : vector<4xf32>
}

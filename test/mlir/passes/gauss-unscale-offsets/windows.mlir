// RUN: pfp-opt %s --gauss-unscale-offsets --canonicalize --cse | FileCheck %s

// An offset is at most 255 bytes: vectors 124 elements apart share a base, others do not.
// CHECK-LABEL: func.func @windows
// CHECK: arith.addi %{{.*}}, %c62
// CHECK: %[[NEAR:.*]] = llvm.inline_asm
// CHECK: llvm.getelementptr %[[NEAR]][-62]
// CHECK: llvm.getelementptr %[[NEAR]][62]
// CHECK: arith.addi %{{.*}}, %c190
// CHECK: %[[FAR:.*]] = llvm.inline_asm
// CHECK: llvm.getelementptr %[[FAR]][-62]
// CHECK-NOT: llvm.inline_asm
func.func @windows(%w: memref<4096xf32>, %zero: vector<4xf32>) -> vector<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c124 = arith.constant 124 : index
  %c128 = arith.constant 128 : index
  %c256 = arith.constant 256 : index
  %sum = scf.for %i = %c0 to %c16 step %c1 iter_args(%s = %zero) -> (vector<4xf32>) {
    %step = arith.muli %i, %c256 : index
    %0 = vector.load %w[%step] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %step, %c124 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %i2 = arith.addi %step, %c128 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %s, %0 : vector<4xf32>
    %t1 = arith.addf %t0, %1 : vector<4xf32>
    %t2 = arith.addf %t1, %2 : vector<4xf32>
    scf.yield %t2 : vector<4xf32>
  }
  return %sum : vector<4xf32>
}

// The base stands before the first load of its window in the loop, also where that is not the
// one at the lowest address.
// CHECK-LABEL: func.func @order
// CHECK: %[[BASE:.*]] = llvm.inline_asm
// CHECK: llvm.getelementptr %[[BASE]][-54]
// CHECK: llvm.getelementptr %[[BASE]][-62]
// CHECK: llvm.getelementptr %[[BASE]][-58]
func.func @order(%w: memref<4096xf32>, %zero: vector<4xf32>) -> vector<4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c4096 = arith.constant 4096 : index
  %sum = scf.for %i = %c0 to %c4096 step %c8 iter_args(%s = %zero) -> (vector<4xf32>) {
    %i2 = arith.addi %i, %c8 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %i, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %s, %2 : vector<4xf32>
    %t1 = arith.addf %t0, %0 : vector<4xf32>
    %t2 = arith.addf %t1, %1 : vector<4xf32>
    scf.yield %t2 : vector<4xf32>
  }
  return %sum : vector<4xf32>
}

// Loads with another base in the index have a window of their own.
// CHECK-LABEL: func.func @bases
// CHECK-COUNT-2: llvm.inline_asm
// CHECK-NOT: llvm.inline_asm
func.func @bases(%w: memref<4096xf32>, %n: index, %zero: vector<4xf32>) -> vector<4xf32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c1024 = arith.constant 1024 : index
  %sum = scf.for %i = %c0 to %c1024 step %c8 iter_args(%s = %zero) -> (vector<4xf32>) {
    %j = arith.addi %i, %n : index
    %i1 = arith.addi %i, %c4 : index
    %i2 = arith.addi %i, %c8 : index
    %j1 = arith.addi %j, %c4 : index
    %j2 = arith.addi %j, %c8 : index
    %0 = vector.load %w[%i] : memref<4096xf32>, vector<4xf32>
    %1 = vector.load %w[%j] : memref<4096xf32>, vector<4xf32>
    %2 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %3 = vector.load %w[%j1] : memref<4096xf32>, vector<4xf32>
    %4 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    %5 = vector.load %w[%j2] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %0, %1 : vector<4xf32>
    %t1 = arith.addf %2, %3 : vector<4xf32>
    %t2 = arith.addf %4, %5 : vector<4xf32>
    %t3 = arith.addf %t0, %t1 : vector<4xf32>
    %t4 = arith.addf %t2, %t3 : vector<4xf32>
    %t5 = arith.addf %s, %t4 : vector<4xf32>
    scf.yield %t5 : vector<4xf32>
  }
  return %sum : vector<4xf32>
}

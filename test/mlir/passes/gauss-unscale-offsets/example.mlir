// Weights are packed in the order in which a loop reads them, so its loads differ by constants.
// By a multiple of 16 bytes they become LDR or LDP, which cortex-a76 starts as two or three
// operations. The pass lets them load from an address 8 bytes beside: LDUR, one operation.

// RUN: pfp-opt %s --gauss-unscale-offsets --canonicalize | FileCheck %s
// RUN: pfp-opt %s --gauss-unscale-offsets --gauss-expand-math=fma=true --convert-scf-to-cf --convert-vector-to-llvm \
// RUN:     --convert-math-to-llvm --convert-arith-to-llvm --convert-index-to-llvm --finalize-memref-to-llvm \
// RUN:     --convert-func-to-llvm=use-bare-ptr-memref-call-conv=1 --convert-cf-to-llvm --reconcile-unrealized-casts \
// RUN:   | mlir-translate --mlir-to-llvmir | llc -mtriple=aarch64-linux-gnu -mcpu=cortex-a76 -o - \
// RUN:   | FileCheck %s --check-prefix=ASM

// CHECK-LABEL: func.func @sums
// CHECK-SAME: (%[[W:.*]]: memref<4096xf32>,
// ASM-LABEL: sums:
func.func @sums(%w: memref<4096xf32>, %y: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %c256 = arith.constant 256 : index
  %zero = arith.constant dense<0.0> : vector<4xf32>
  // CHECK: scf.for %[[I:[a-z0-9]+]] =
  %sums:4 = scf.for %i = %c0 to %c256 step %c4
      iter_args(%s0 = %zero, %s1 = %zero, %s2 = %zero, %s3 = %zero)
      -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>) {
    // The address of the element 62 after the first one: 248 bytes.
    // CHECK-DAG: %[[START:.*]] = memref.extract_aligned_pointer_as_index %[[W]]
    // CHECK-DAG: %[[STEP:.*]] = arith.muli %[[I]], %c16
    // CHECK-DAG: %[[ELEMENT:.*]] = arith.addi %[[STEP]], %c62
    // CHECK-DAG: %[[BYTES:.*]] = arith.muli %[[ELEMENT]], %c4
    // CHECK: %[[SUM:.*]] = arith.addi %[[START]], %[[BYTES]]
    // CHECK: %[[NUMBER:.*]] = arith.index_cast %[[SUM]]
    // CHECK: %[[KNOWN:.*]] = llvm.inttoptr %[[NUMBER]]
    // CHECK: %[[BASE:.*]] = llvm.inline_asm "", "=r,0" %[[KNOWN]]
    // CHECK: %[[P0:.*]] = llvm.getelementptr %[[BASE]][-62]
    // CHECK: llvm.load %[[P0]] {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
    // CHECK: %[[P1:.*]] = llvm.getelementptr %[[BASE]][-58]
    // CHECK: llvm.load %[[P1]]
    // ASM: ldur q{{[0-9]+}}, [x[[BASE:[0-9]+]], #-248]
    // ASM: ldur q{{[0-9]+}}, [x[[BASE]], #-232]
    // ASM: ldur q{{[0-9]+}}, [x[[BASE]], #-216]
    // ASM: ldur q{{[0-9]+}}, [x[[BASE]], #-200]
    %step = arith.muli %i, %c16 : index
    %0 = vector.load %w[%step] : memref<4096xf32>, vector<4xf32>
    %i1 = arith.addi %step, %c4 : index
    %1 = vector.load %w[%i1] : memref<4096xf32>, vector<4xf32>
    %i2 = arith.addi %step, %c8 : index
    %2 = vector.load %w[%i2] : memref<4096xf32>, vector<4xf32>
    %i3 = arith.addi %step, %c12 : index
    %3 = vector.load %w[%i3] : memref<4096xf32>, vector<4xf32>
    %t0 = arith.addf %s0, %0 : vector<4xf32>
    %t1 = arith.addf %s1, %1 : vector<4xf32>
    %t2 = arith.addf %s2, %2 : vector<4xf32>
    %t3 = arith.addf %s3, %3 : vector<4xf32>
    scf.yield %t0, %t1, %t2, %t3 : vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>
  }
  vector.store %sums#0, %y[%c0] : memref<16xf32>, vector<4xf32>
  vector.store %sums#1, %y[%c4] : memref<16xf32>, vector<4xf32>
  vector.store %sums#2, %y[%c8] : memref<16xf32>, vector<4xf32>
  vector.store %sums#3, %y[%c12] : memref<16xf32>, vector<4xf32>
  return
}

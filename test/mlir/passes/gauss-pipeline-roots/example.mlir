// A square root and the division by it take the core as long as all else that an activation
// does, and all else waits for them. The pass lets each trip of a loop begin them for the next
// one, and use what the trip before has found.

// RUN: pfp-opt %s --gauss-pipeline-roots --canonicalize | FileCheck %s
// RUN: pfp-opt %s --gauss-pipeline-roots=ordered=false --canonicalize | FileCheck %s --check-prefix=FREE --implicit-check-not=llvm.

// CHECK-LABEL: func.func @ratio
// CHECK-SAME: (%[[M:.*]]: memref<64xf32>, %[[V:.*]]: memref<64xf32>, %[[Y:.*]]: memref<64xf32>)
// FREE-LABEL: func.func @ratio
func.func @ratio(%m: memref<64xf32>, %v: memref<64xf32>, %y: memref<64xf32>) {
  // CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
  // CHECK-DAG: %[[C16:.*]] = arith.constant 16 : index
  // CHECK-DAG: %[[LAST:.*]] = arith.constant 48 : index
  // CHECK-DAG: %[[END:.*]] = arith.constant 64 : index
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  // What the first trip uses.
  // CHECK: %[[M0:.*]] = vector.load %[[M]][%[[C0]]]
  // CHECK: %[[V0:.*]] = vector.load %[[V]][%[[C0]]]
  // CHECK: %[[ROOT0:.*]] = math.sqrt %[[V0]]
  // CHECK: %[[RATIO0:.*]] = arith.divf %[[M0]], %[[ROOT0]]
  // CHECK: scf.for %[[I:.*]] = %[[C0]] to %[[END]] step %[[C16]] iter_args(%[[ROOT:.*]] = %[[ROOT0]], %[[RATIO:.*]] = %[[RATIO0]])
  // FREE: scf.for
  scf.for %i = %c0 to %c64 step %c16 {
    // What the next trip will use; the last trip takes its own again.
    // CHECK: %[[AFTER:.*]] = arith.addi %[[I]], %[[C16]]
    // CHECK: %[[NEXT:.*]] = arith.minsi %[[AFTER]], %[[LAST]]
    // CHECK: %[[M1:.*]] = vector.load %[[M]][%[[NEXT]]]
    // CHECK: %[[V1:.*]] = vector.load %[[V]][%[[NEXT]]]
    // CHECK: %[[ROOT1:.*]] = math.sqrt %[[V1]]
    // CHECK: %[[RATIO1:.*]] = arith.divf %[[M1]], %[[ROOT1]]
    // CHECK: llvm.call_intrinsic "llvm.fake.use"
    %0 = vector.load %m[%i] : memref<64xf32>, vector<16xf32>
    %1 = vector.load %v[%i] : memref<64xf32>, vector<16xf32>
    %2 = math.sqrt %1 : vector<16xf32>
    %3 = arith.divf %0, %2 : vector<16xf32>
    // What is only loaded is loaded again.
    // CHECK: %[[OWN:.*]] = vector.load %[[M]][%[[I]]]
    // CHECK: %[[SQUARE:.*]] = arith.mulf %[[RATIO]], %[[RATIO]]
    // CHECK: %[[RESULT:.*]] = math.fma %[[SQUARE]], %[[ROOT]], %[[OWN]]
    // CHECK: vector.store %[[RESULT]], %[[Y]][%[[I]]]
    // CHECK: scf.yield %[[ROOT1]], %[[RATIO1]]
    %4 = arith.mulf %3, %3 : vector<16xf32>
    %5 = math.fma %4, %2, %0 : vector<16xf32>
    vector.store %5, %y[%i] : memref<64xf32>, vector<16xf32>
  }
  return
}

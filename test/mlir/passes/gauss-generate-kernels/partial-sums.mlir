// The error of a running sum grows with its length, so a sum of more than 1024 terms is one of
// partial sums: each begins with zero and is added to the sum so far. A sum in blocks begins
// anew with each part of its block.

// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v3 --canonicalize --symbol-dce | FileCheck %s

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (m, k)>
#sum = affine_map<(n, m, k) -> (n, m)>

// Parts of 1000 steps.
// CHECK-LABEL: func.func @equal
func.func @equal(%x: memref<1x4000xf32>, %w: memref<8x4000xf32>, %y: memref<1x8xf32>) {
  // CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<
  // CHECK-DAG: %[[PART:.*]] = arith.constant 1000 : index
  // CHECK-DAG: %[[ALL:.*]] = arith.constant 4000 : index
  // CHECK: scf.for {{.*}} to %[[ALL]] step %[[PART]] iter_args(%[[SUM:[^ ]*]] =
  // CHECK: %[[PARTIAL:.*]]{{(:[0-9]+)?}} = scf.for {{.*}} to %[[PART]] step {{.*}} iter_args({{.*}} = %[[ZERO]]
  // CHECK: arith.addf %[[SUM]],
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<1x4000xf32>, memref<8x4000xf32>) outs(%y : memref<1x8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// One running sum.
// CHECK-LABEL: func.func @short
func.func @short(%x: memref<1x1024xf32>, %w: memref<8x1024xf32>, %y: memref<1x8xf32>) {
  // CHECK-COUNT-1: scf.for
  // CHECK-NOT: scf.for
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<1x1024xf32>, memref<8x1024xf32>) outs(%y : memref<1x8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// A maximum has no error that grows: it is no sum.
// CHECK-LABEL: func.func @maximum
func.func @maximum(%x: memref<1x4000xf32>, %y: memref<1xf32>) {
  // CHECK-COUNT-1: scf.for
  // CHECK-NOT: scf.for
  linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<1x4000xf32>) outs(%y : memref<1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maxnumf %in, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// With profile each kernel says when it is done: a call of pfp.profile_mark with its
// number. Who links the object defines the function.

// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 profile' --canonicalize | FileCheck %s
// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 | FileCheck %s --check-prefix=PLAIN

// PLAIN-NOT: pfp.profile_mark

#element = affine_map<(m) -> (m)>
#all = affine_map<(m, n) -> (m, n)>

// CHECK: func.func private @pfp.profile_mark(i32)
// CHECK-LABEL: func.func @two
// CHECK-DAG: %[[FIRST:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[SECOND:.*]] = arith.constant 1 : i32
// CHECK: arith.mulf
// CHECK: call @pfp.profile_mark(%[[FIRST]])
// CHECK: arith.negf
// CHECK: call @pfp.profile_mark(%[[SECOND]])
// CHECK: return
func.func @two(%x: memref<4xf32>, %y: memref<4xf32>, %a: memref<3x5xf32>, %b: memref<3x5xf32>) {
  linalg.generic {indexing_maps = [#element, #element], iterator_types = ["parallel"]} ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%a : memref<3x5xf32>) outs(%b : memref<3x5xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  return
}

// With tasks, a kernel with enough work is shared: an outer loop over the tasks, marked
// gauss.tasks, and each task has its part of the tiles. A kernel with less work is left
// alone, whatever is allowed.

// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 tasks=2' --canonicalize | FileCheck %s
// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize | FileCheck %s --check-prefix=ALONE
// RUN: not pfp-opt %s --gauss-generate-kernels=tasks=0 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not pfp-opt %s --gauss-generate-kernels=tasks=65 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not pfp-opt %s --gauss-generate-kernels=tasks=two 2>&1 | FileCheck %s --check-prefix=WORD

// ALONE-NOT: gauss.tasks
// NONE: error: {{.*}}'tasks' is a number from 1 to 64, not '0'
// MANY: error: {{.*}}'tasks' is a number from 1 to 64, not '65'
// WORD: error: {{.*}}'tasks' is a number from 1 to 64, not 'two'

#input = affine_map<(m, k) -> (k)>
#weight = affine_map<(m, k) -> (k, m)>
#sum = affine_map<(m, k) -> (m)>
#element = affine_map<(m) -> (m)>

// CHECK-LABEL: func.func @large
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK: scf.for %[[TASK:.*]] = %[[C0]] to %[[C2]] step %[[C1]] {
// The first tile of the task, and the end of its last one.
// CHECK: arith.muli %[[TASK]]
// CHECK: scf.for
// CHECK: scf.for {{.*}} iter_args
// CHECK: math.fma
// CHECK: vector.store
// CHECK: } {gauss.tasks}
func.func @large(%x: memref<1024xf32>, %w: memref<1024x1024xf32>, %y: memref<1024xf32>) {
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<1024xf32>, memref<1024x1024xf32>) outs(%y : memref<1024xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func.func @small
// CHECK-NOT: gauss.tasks
func.func @small(%x: memref<64xf32>, %y: memref<64xf32>) {
  linalg.generic {indexing_maps = [#element, #element], iterator_types = ["parallel"]} ins(%x : memref<64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// A dimension is cut into as few tiles as the registers allow, and these are as equal as whole
// vectors allow: 11 vectors of four, too many for one tile, are 6 + 5, not 9 + 2. What is packed
// for a tile follows what is packed for the one before.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize | FileCheck %s
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 tasks=2' --canonicalize | FileCheck %s --check-prefix=TASKS

#input = affine_map<(m, k) -> (k)>
#weight = affine_map<(m, k) -> (m, k)>
#sum = affine_map<(m, k) -> (m)>

memref.global "private" constant @w : memref<44x64xf32> = dense<0.5>
memref.global "private" constant @s : memref<44x64xf32> = dense<0.25>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: memref<64xf32>, %{{.*}}: memref<64xf32>, %[[M:.*]]: memref<44xf32>, %[[V:.*]]: memref<44xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C20:.*]] = arith.constant 20 : index
// CHECK-DAG: %[[C24:.*]] = arith.constant 24 : index
// CHECK-DAG: %[[C40:.*]] = arith.constant 40 : index
// CHECK: %[[LONG:.*]]:12 = scf.for
// CHECK: vector.store %[[LONG]]#0, %[[M]][%[[C0]]]
// CHECK: vector.store %[[LONG]]#5, %[[M]][%[[C20]]]
// CHECK: vector.store %[[LONG]]#11, %[[V]][%[[C20]]]
// CHECK: %[[SHORT:.*]]:10 = scf.for
// 24 outputs, 64 steps, and 2 weights in each: 3072.
// CHECK: arith.addi %{{.*}}, %c3072
// CHECK: vector.store %[[SHORT]]#0, %[[M]][%[[C24]]]
// CHECK: vector.store %[[SHORT]]#4, %[[M]][%[[C40]]]
// CHECK: vector.store %[[SHORT]]#9, %[[V]][%[[C40]]]
// CHECK: return
func.func @layer(%x: memref<64xf32>, %square: memref<64xf32>, %m: memref<44xf32>, %v: memref<44xf32>) {
  %w = memref.get_global @w : memref<44x64xf32>
  %s = memref.get_global @s : memref<44x64xf32>
  linalg.generic {indexing_maps = [#input, #input, #weight, #weight, #sum, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x, %square, %w, %s : memref<64xf32>, memref<64xf32>, memref<44x64xf32>, memref<44x64xf32>)
      outs(%m, %v : memref<44xf32>, memref<44xf32>) {
  ^bb0(%in: f32, %in2: f32, %mean: f32, %variance: f32, %om: f32, %ov: f32):
    %0 = math.fma %in, %mean, %om : f32
    %1 = math.fma %in2, %variance, %ov : f32
    linalg.yield %0, %1 : f32, f32
  }
  return
}

// The tiles of a task may be of both lengths: of the 3 tiles of this layer, which are 9 + 8 + 8,
// the first task has 2.
// TASKS-LABEL: func.func @shared
// TASKS: scf.for %[[TASK:.*]] = %c0 to %c2
// TASKS: %[[FIRST:.*]] = arith.muli %[[TASK]], %c2
// TASKS: %[[NEXT:.*]] = arith.addi %{{.*}}, %c2
// TASKS: %[[END:.*]] = arith.minsi %[[NEXT]], %c3
// TASKS: %[[END_OF_LONG:.*]] = arith.minsi %[[END]], %c1
// TASKS: scf.for %{{.*}} to %[[END_OF_LONG]]
// TASKS: scf.for {{.*}} iter_args
// TASKS: scf.for
// TASKS: scf.for {{.*}} iter_args
// TASKS: gauss.tasks
#input2 = affine_map<(n, m, k) -> (n, k)>
#weight2 = affine_map<(n, m, k) -> (m, k)>
#sum2 = affine_map<(n, m, k) -> (n, m)>

memref.global "private" constant @w2 : memref<100x8192xf32> = dense<0.5>
memref.global "private" constant @s2 : memref<100x8192xf32> = dense<0.25>

func.func @shared(%x: memref<1x8192xf32>, %square: memref<1x8192xf32>, %m: memref<1x100xf32>, %v: memref<1x100xf32>) {
  %w = memref.get_global @w2 : memref<100x8192xf32>
  %s = memref.get_global @s2 : memref<100x8192xf32>
  linalg.generic {indexing_maps = [#input2, #input2, #weight2, #weight2, #sum2, #sum2], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %square, %w, %s : memref<1x8192xf32>, memref<1x8192xf32>, memref<100x8192xf32>, memref<100x8192xf32>)
      outs(%m, %v : memref<1x100xf32>, memref<1x100xf32>) {
  ^bb0(%in: f32, %in2: f32, %mean: f32, %variance: f32, %om: f32, %ov: f32):
    %0 = math.fma %in, %mean, %om : f32
    %1 = math.fma %in2, %variance, %ov : f32
    linalg.yield %0, %1 : f32, f32
  }
  return
}

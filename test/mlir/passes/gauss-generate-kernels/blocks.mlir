// The weights of a long reduction do not fit the first-level cache. Read as a whole for
// every tile, they would come from further away each time. The reduction is done in parts
// instead: all tiles add one part to their sums, which wait in memory, then the next.

// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v3 --canonicalize --symbol-dce \
// RUN:   --mlir-elide-resource-strings-if-larger=16 | FileCheck %s

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (m, k)>
#sum = affine_map<(n, m, k) -> (n, m)>

memref.global "private" constant @weight : memref<8x4096xf32> = dense<0.5>

// CHECK-LABEL: func.func @long
// CHECK-SAME: (%[[X:.*]]: memref<16x4096xf32>, %[[Y:.*]]: memref<16x8xf32>)
func.func @long(%x: memref<16x4096xf32>, %y: memref<16x8xf32>) {
  // A sum of 8 lanes for each of 16 rows.
  // CHECK: %[[SUMS:.*]] = memref.alloc() {gauss.within_item} : memref<128xf32>
  // CHECK: %[[FLAT:.*]] = memref.reinterpret_cast %[[Y]]
  // What the sums begin with.
  // CHECK: scf.for
  // CHECK: vector.load %[[FLAT]]
  // CHECK: vector.store {{.*}}, %[[SUMS]]
  // Parts, tiles, steps.
  // CHECK: scf.for
  // CHECK: scf.for
  // CHECK: vector.load %[[SUMS]]
  // CHECK: scf.for {{.*}} iter_args
  // CHECK: math.fma
  // CHECK: vector.store {{.*}}, %[[SUMS]]
  // What comes of them.
  // CHECK: scf.for
  // CHECK: vector.load %[[SUMS]]
  // CHECK: vector.store {{.*}}, %[[FLAT]]
  %w = memref.get_global @weight : memref<8x4096xf32>
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<16x4096xf32>, memref<8x4096xf32>) outs(%y : memref<16x8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// An activation needs registers of its own. Where the sums of a tile leave too few, they
// go to memory once, and the activation takes the tile row by row: its loop is short, and
// nothing that it needs is spilt inside of it.

// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v3 --canonicalize --symbol-dce \
// RUN:   --mlir-elide-resource-strings-if-larger=16 | FileCheck %s

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (m, k)>
#sum = affine_map<(n, m, k) -> (n, m)>
#element = affine_map<(n, m) -> (n, m)>

memref.global "private" constant @weight : memref<8x32xf32> = dense<0.5>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: memref<8x32xf32>, %[[Y:.*]]: memref<8x8xf32>)
func.func @layer(%x: memref<8x32xf32>, %y: memref<8x8xf32>) {
  // CHECK: %[[SUMS:.*]] = memref.alloc() {gauss.within_item} : memref<{{[0-9]+}}xf32>
  // CHECK: math.fma
  // CHECK: vector.store {{.*}}, %[[SUMS]]
  // CHECK: scf.for %[[ROW:.*]] =
  // CHECK: vector.load %[[SUMS]]
  // CHECK-COUNT-3: math.sqrt
  // CHECK-NOT: math.sqrt
  // CHECK: vector.store
  %w = memref.get_global @weight : memref<8x32xf32>
  %sum = memref.alloc() : memref<8x8xf32>
  linalg.generic {indexing_maps = [#element], iterator_types = ["parallel", "parallel"]} outs(%sum : memref<8x8xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x32xf32>, memref<8x32xf32>) outs(%sum : memref<8x8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#element, #element], iterator_types = ["parallel", "parallel"]}
      ins(%sum : memref<8x8xf32>) outs(%y : memref<8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.sqrt %in : f32
    %1 = math.sqrt %0 : f32
    %2 = math.sqrt %1 : f32
    linalg.yield %2 : f32
  }
  return
}

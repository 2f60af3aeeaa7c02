// A convolution uses each weight at many places of one item of the batch. What follows it
// elementwise can then be computed item by item: both kernels share a loop over the
// items, and the buffer between them holds one item instead of two. Its contents matter
// within one trip of the loop, which the arena is told by gauss.within_item.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --symbol-dce \
// RUN:   | FileCheck %s --implicit-check-not=memref.alloc --implicit-check-not='memref<2x4x64xf32>'

#input = affine_map<(n, c, p, k) -> (n, p + k)>
#weight = affine_map<(n, c, p, k) -> (c, k)>
#sum = affine_map<(n, c, p, k) -> (n, c, p)>
#all = affine_map<(n, c, p) -> (n, c, p)>
#left = affine_map<(n, c, q) -> (n, c, q * 2)>
#right = affine_map<(n, c, q) -> (n, c, q * 2 + 2)>

memref.global "private" constant @weight : memref<4x3xf32> = dense<0.5>

// CHECK-LABEL: func.func @convolve_and_pool
// CHECK-SAME: (%[[X:.*]]: memref<2x66xf32>, %[[Y:.*]]: memref<2x4x31xf32>)
func.func @convolve_and_pool(%x: memref<2x66xf32>, %y: memref<2x4x31xf32>) {
  // CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
  // CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
  // CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
  // CHECK: %[[SUM:.*]] = memref.alloc() {gauss.within_item} : memref<256xf32>
  // CHECK: scf.for %[[ITEM:.*]] = %[[C0]] to %[[C2]] step %[[C1]] {
  // CHECK: math.fma
  // CHECK: vector.store {{.*}}, %[[SUM]]
  // CHECK: vector.load %[[SUM]]
  // CHECK: arith.maximumf
  // CHECK: memref.store
  %w = memref.get_global @weight : memref<4x3xf32>
  %sum = memref.alloc() : memref<2x4x64xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<2x4x64xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<2x66xf32>, memref<4x3xf32>) outs(%sum : memref<2x4x64xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#left, #right, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum : memref<2x4x64xf32>, memref<2x4x64xf32>) outs(%y : memref<2x4x31xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// Weights that the second-level cache does not hold come from further away in every call.
// While the tiles of a block add one part of the reduction, each asks for its share of the
// part that follows.

// RUN: pfp-opt %s --gauss-generate-kernels='core=znver5 schedule=%S/Inputs/small-caches.json' \
// RUN:   --canonicalize --symbol-dce --mlir-elide-resource-strings-if-larger=16 | FileCheck %s
// Where the cache holds them, nothing is asked for.
// RUN: pfp-opt %s --gauss-generate-kernels=core=znver5 \
// RUN:   | FileCheck %s --check-prefix=NEAR --implicit-check-not=memref.prefetch

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (m, k)>
#sum = affine_map<(n, m, k) -> (n, m)>

memref.global "private" constant @weight : memref<64x256xf32> = dense<0.5>

// CHECK-LABEL: func.func @layer
// CHECK: %[[PACKED:.*]] = memref.get_global @packed
// CHECK: scf.for
// CHECK: vector.store
// CHECK: scf.for
// CHECK: memref.prefetch %[[PACKED]]{{.*}}, read, locality<2>, data
// CHECK: vector.load
// CHECK: math.fma
// NEAR-LABEL: func.func @layer
func.func @layer(%x: memref<32x256xf32>, %y: memref<32x64xf32>) {
  %w = memref.get_global @weight : memref<64x256xf32>
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x256xf32>, memref<64x256xf32>) outs(%y : memref<32x64xf32>) attrs = {pfp.layer = "dense"} {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// A sum in groups has a dimension more than what follows it, for which the groups are one
// dimension again. Both walk the same elements: bias and activation are computed with the
// sums, as of any other layer, and no sum goes to memory.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --symbol-dce | FileCheck %s

#input = affine_map<(g, o, x, k) -> (g, x + k)>
#weight = affine_map<(g, o, x, k) -> (g, o, k)>
#sum = affine_map<(g, o, x, k) -> (g, o, x)>
#channel = affine_map<(c, x) -> (c)>
#all = affine_map<(c, x) -> (c, x)>

memref.global "private" constant @weight : memref<2x4x3xf32> = dense<0.5>

// CHECK-LABEL: func.func @grouped
// CHECK-NOT: memref.alloc
// CHECK: memref.load
// CHECK: math.fma
// CHECK: arith.maximumf
// CHECK: vector.store
// CHECK-NOT: memref.load
// CHECK: return
func.func @grouped(%x: memref<2x34xf32>, %bias: memref<8xf32>, %y: memref<8x32xf32>) {
  %w = memref.get_global @weight : memref<2x4x3xf32>
  %sums = memref.alloc() : memref<8x32xf32>
  linalg.generic {indexing_maps = [#channel, #all], iterator_types = ["parallel", "parallel"]}
      ins(%bias : memref<8xf32>) outs(%sums : memref<8x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  %groups = memref.expand_shape %sums [[0, 1], [2]] output_shape [2, 4, 32] : memref<8x32xf32> into memref<2x4x32xf32>
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<2x34xf32>, memref<2x4x3xf32>) outs(%groups : memref<2x4x32xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%sums : memref<8x32xf32>) outs(%y : memref<8x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  }
  return
}

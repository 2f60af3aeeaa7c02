// A network has its channels before rows and columns. A convolution with few columns and
// many channels is best computed with the channels as lanes, which it should then store
// side by side. The buffer %sum is the function's own, so it is laid out so: item, row,
// column, channel, of which it holds two rows at a time. The pooling after it reads vectors
// of channels. The result is the caller's and stays as it is.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --symbol-dce \
// RUN:   --mlir-elide-resource-strings-if-larger=16 | FileCheck %s

#input = affine_map<(n, c, h, w, i, y, x) -> (n, i, h + y, w + x)>
#weight = affine_map<(n, c, h, w, i, y, x) -> (c, i, y, x)>
#sum = affine_map<(n, c, h, w, i, y, x) -> (n, c, h, w)>
#all = affine_map<(n, c, h, w) -> (n, c, h, w)>
#left = affine_map<(n, c, h, w) -> (n, c, h * 2, w * 2)>
#right = affine_map<(n, c, h, w) -> (n, c, h * 2, w * 2 + 1)>

memref.global "private" constant @weight : memref<16x4x3x3xf32> = dense<0.5>

// CHECK-LABEL: func.func @convolve_and_pool
func.func @convolve_and_pool(%image: memref<1x4x8x8xf32>, %y: memref<1x16x3x3xf32>) {
  // CHECK: %[[SUM:.*]] = memref.alloc() {gauss.within_item} : memref<192xf32>
  // CHECK: math.fma
  // CHECK: vector.store {{.*}}, %[[SUM]]{{.*}} : memref<192xf32>, vector<4xf32>
  // CHECK-NOT: memref.load %[[SUM]]
  // CHECK: vector.load %[[SUM]]{{.*}} : memref<192xf32>, vector<4xf32>
  // CHECK: arith.maximumf
  %w = memref.get_global @weight : memref<16x4x3x3xf32>
  %sum = memref.alloc() : memref<1x16x6x6xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      outs(%sum : memref<1x16x6x6xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%image, %w : memref<1x4x8x8xf32>, memref<16x4x3x3xf32>) outs(%sum : memref<1x16x6x6xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#left, #right, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%sum, %sum : memref<1x16x6x6xf32>, memref<1x16x6x6xf32>) outs(%y : memref<1x16x3x3xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

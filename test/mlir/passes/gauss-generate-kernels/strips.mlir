// What a pool reads of a convolution are neighbouring rows. Both share a loop over strips
// of the image, here of two rows, and the buffer between them holds one strip instead of
// the image: 488 elements instead of 1952. Its contents matter within one trip of the loop.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --symbol-dce \
// RUN:   --split-input-file | FileCheck %s

// A schedule file can ask for larger strips.
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%S/Inputs/strips.json' --canonicalize \
// RUN:   --split-input-file | FileCheck %s --check-prefix=GIVEN

#input = affine_map<(c, h, w, k) -> (h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>
#upper = affine_map<(c, h, w) -> (c, h * 2, w)>
#lower = affine_map<(c, h, w) -> (c, h * 2 + 1, w)>

memref.global "private" constant @weight : memref<4x3xf32> = dense<0.5>

// CHECK-LABEL: func.func @convolve_and_pool
// CHECK-SAME: (%[[X:.*]]: memref<8x63xf32>, %[[Y:.*]]: memref<4x4x61xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[SUM:.*]] = memref.alloc() {gauss.within_item} : memref<488xf32>
// CHECK-NOT: memref.alloc
// CHECK: scf.for %[[STRIP:.*]] = %[[C0]] to %[[C4]] step %[[C1]] {
// CHECK: math.fma
// CHECK: vector.store {{.*}}, %[[SUM]]
// CHECK: vector.load %[[SUM]]
// CHECK: arith.maximumf
// CHECK: vector.store
// CHECK: return

// GIVEN-LABEL: func.func @convolve_and_pool
// GIVEN: memref.alloc() {gauss.within_item} : memref<976xf32>
// GIVEN: scf.for %{{.*}} = %c0 to %c2 step %c1 {
func.func @convolve_and_pool(%x: memref<8x63xf32>, %y: memref<4x4x61xf32>) {
  %w = memref.get_global @weight : memref<4x3xf32>
  %sum = memref.alloc() : memref<4x8x61xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<4x8x61xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x63xf32>, memref<4x3xf32>) outs(%sum : memref<4x8x61xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#upper, #lower, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum : memref<4x8x61xf32>, memref<4x8x61xf32>) outs(%y : memref<4x4x61xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#input = affine_map<(c, h, w, k) -> (h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>
#upper = affine_map<(c, h, w) -> (c, h * 2, w * 2)>
#next = affine_map<(c, h, w) -> (c, h * 2 + 2, w * 2 + 2)>

memref.global "private" constant @weight : memref<4x3xf32> = dense<0.5>

// A pool that looks into the next strip needs rows carried there. Beside so small a sum that
// costs too much, along rows as along columns.
// CHECK-LABEL: func.func @overlapping_windows
// CHECK: memref.alloc() : memref<4x8x64xf32>
func.func @overlapping_windows(%x: memref<8x66xf32>, %y: memref<4x3x31xf32>) {
  %w = memref.get_global @weight : memref<4x3xf32>
  %sum = memref.alloc() : memref<4x8x64xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<4x8x64xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x66xf32>, memref<4x3xf32>) outs(%sum : memref<4x8x64xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#upper, #next, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum : memref<4x8x64xf32>, memref<4x8x64xf32>) outs(%y : memref<4x3x31xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#input = affine_map<(c, h, w, k) -> (0, h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>
#upper = affine_map<(c, h, w) -> (c, h * 2, w)>
#lower = affine_map<(c, h, w) -> (c, h * 2 + 1, w)>
#pair = affine_map<(n, h, w) -> (n, h, w)>
#even = affine_map<(n, h, w) -> (n, h * 2, w)>
#odd = affine_map<(n, h, w) -> (n, h * 2 + 1, w)>

memref.global "private" constant @weight : memref<4x3xf32> = dense<0.5>

// What the convolution reads can be computed strip by strip as well, here by an op that
// walks the rows in pairs: 126 elements instead of 504.
// CHECK-LABEL: func.func @scale_and_convolve
// CHECK-DAG: memref.alloc() {gauss.within_item} : memref<126xf32>
// CHECK-DAG: memref.alloc() {gauss.within_item} : memref<488xf32>
// CHECK-NOT: memref.alloc
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1 {
// CHECK: arith.mulf
// CHECK: math.fma
// CHECK: arith.maximumf
// CHECK: return
func.func @scale_and_convolve(%x: memref<1x8x63xf32>, %scale: memref<1x4x63xf32>, %y: memref<4x4x61xf32>) {
  %w = memref.get_global @weight : memref<4x3xf32>
  %scaled = memref.alloc() : memref<1x8x63xf32>
  %sum = memref.alloc() : memref<4x8x61xf32>
  linalg.generic {indexing_maps = [#even, #odd, #pair, #even, #odd], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %x, %scale : memref<1x8x63xf32>, memref<1x8x63xf32>, memref<1x4x63xf32>)
      outs(%scaled, %scaled : memref<1x8x63xf32>, memref<1x8x63xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32, %u: f32, %v: f32):
    %0 = arith.mulf %a, %s : f32
    %1 = arith.mulf %b, %s : f32
    linalg.yield %0, %1 : f32, f32
  }
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<4x8x61xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%scaled, %w : memref<1x8x63xf32>, memref<4x3xf32>) outs(%sum : memref<4x8x61xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#upper, #lower, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum : memref<4x8x61xf32>, memref<4x8x61xf32>) outs(%y : memref<4x4x61xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}

// A layer writes into the padded input of the next one. The padding is filled between
// the sum and the activation that writes inside of it; since it has nothing to do with the
// sum, it is filled before, and the activation is computed on the sum in registers.

// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v4 --canonicalize --symbol-dce \
// RUN:   --split-input-file | FileCheck %s

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (m, k)>
#sum = affine_map<(n, m, k) -> (n, m)>
#element = affine_map<(n, m) -> (n, m)>

memref.global "private" constant @weight : memref<16x32xf32> = dense<0.5>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: memref<8x32xf32>, %[[Y:.*]]: memref<10x18xf32>)
// CHECK-NOT: memref.alloc
// CHECK: %[[OUT:.*]] = memref.reinterpret_cast %[[Y]]
// CHECK: vector.store %{{.*}}, %[[OUT]]
// CHECK: math.fma
// CHECK: arith.maximumf
// CHECK: vector.store
// CHECK-NOT: memref.alloc
// CHECK: return
func.func @layer(%x: memref<8x32xf32>, %y: memref<10x18xf32>) {
  %w = memref.get_global @weight : memref<16x32xf32>
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8x16xf32>
  linalg.generic {indexing_maps = [#element], iterator_types = ["parallel", "parallel"]} outs(%sum : memref<8x16xf32>) {
  ^bb0(%out: f32):
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x32xf32>, memref<16x32xf32>) outs(%sum : memref<8x16xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#element], iterator_types = ["parallel", "parallel"]} outs(%y : memref<10x18xf32>) {
  ^bb0(%out: f32):
    linalg.yield %zero : f32
  }
  %inside = memref.subview %y[1, 1] [8, 16] [1, 1] : memref<10x18xf32> to memref<8x16xf32, strided<[18, 1], offset: 19>>
  linalg.generic {indexing_maps = [#element, #element], iterator_types = ["parallel", "parallel"]}
      ins(%sum : memref<8x16xf32>) outs(%inside : memref<8x16xf32, strided<[18, 1], offset: 19>>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (m, k)>
#sum = affine_map<(n, m, k) -> (n, m)>
#element = affine_map<(n, m) -> (n, m)>

memref.global "private" constant @weight : memref<16x32xf32> = dense<0.5>

// Where the sum reads what is filled next, everything stays in its place.
// CHECK-LABEL: func.func @input_is_filled_after_the_sum
// CHECK: memref.alloc
// CHECK: math.fma
// CHECK: vector.store
// CHECK: vector.store %cst
// CHECK: vector.load
// CHECK: arith.maximumf
// CHECK: vector.store
func.func @input_is_filled_after_the_sum(%x: memref<8x32xf32>) {
  %w = memref.get_global @weight : memref<16x32xf32>
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8x16xf32>
  linalg.generic {indexing_maps = [#element], iterator_types = ["parallel", "parallel"]} outs(%sum : memref<8x16xf32>) {
  ^bb0(%out: f32):
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x32xf32>, memref<16x32xf32>) outs(%sum : memref<8x16xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#element], iterator_types = ["parallel", "parallel"]} outs(%x : memref<8x32xf32>) {
  ^bb0(%out: f32):
    linalg.yield %zero : f32
  }
  %inside = memref.subview %x[0, 8] [8, 16] [1, 1] : memref<8x32xf32> to memref<8x16xf32, strided<[32, 1], offset: 8>>
  linalg.generic {indexing_maps = [#element, #element], iterator_types = ["parallel", "parallel"]}
      ins(%sum : memref<8x16xf32>) outs(%inside : memref<8x16xf32, strided<[32, 1], offset: 8>>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.maximumf %in, %zero : f32
    linalg.yield %0 : f32
  }
  return
}

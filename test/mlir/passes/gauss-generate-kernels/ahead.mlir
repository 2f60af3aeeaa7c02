// A core that starts instructions in order waits where a load stands right before its use,
// and one whose instructions finish in order makes a load wait for multiply-adds before
// it. What a few steps read is therefore loaded together, before any of it is used; what
// has no effect but to be a border keeps the compiler from moving it back.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a53 --canonicalize | FileCheck %s
// Out of order, the compiler and the core find the order themselves.
// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 \
// RUN:   | FileCheck %s --check-prefix=FREE --implicit-check-not=fake.use

#input = affine_map<(m, k) -> (k)>
#weight = affine_map<(m, k) -> (k, m)>
#sum = affine_map<(m, k) -> (m)>

// CHECK-LABEL: func.func @layer
// CHECK: vector.load {{.*}} : memref<64xf32>
// CHECK-NOT: math.fma
// CHECK: llvm.call_intrinsic "llvm.fake.use"
// CHECK-NOT: vector.load {{.*}} : memref<64xf32>
// CHECK: math.fma
// CHECK: llvm.call_intrinsic "llvm.fake.use"
// CHECK: return
// FREE-LABEL: func.func @layer
func.func @layer(%x: memref<4xf32>, %w: memref<4x16xf32>, %y: memref<16xf32>) {
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<4xf32>, memref<4x16xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

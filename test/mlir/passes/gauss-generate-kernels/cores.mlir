// The core decides how wide vectors are and whether there is a fused multiply-add.
// One element per lane in an elementwise loop; what is left over is one narrower
// access that stays inside of the buffer.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a53 --canonicalize | FileCheck %s --check-prefix=LANES4
// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize | FileCheck %s --check-prefix=LANES4
// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a76 --canonicalize | FileCheck %s --check-prefix=LANES4
// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64 --canonicalize | FileCheck %s --check-prefix=LANES4
// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v3 --canonicalize | FileCheck %s --check-prefix=LANES8
// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v4 --canonicalize | FileCheck %s --check-prefix=LANES16
// Without the option, this machine: some vectors, whatever their size.
// RUN: pfp-opt %s --gauss-generate-kernels | FileCheck %s --check-prefix=HOST
// RUN: pfp-opt %s --pass-pipeline='builtin.module(gauss-generate-kernels{core=host})' | FileCheck %s --check-prefix=HOST

#id = affine_map<(d0) -> (d0)>

// LANES4-LABEL: func.func @square
// LANES4: scf.for
// LANES4: vector.load {{.*}}, vector<4xf32>
// LANES4: arith.mulf {{.*}} : vector<4xf32>
// LANES4: vector.store {{.*}}, vector<4xf32>
// LANES4: vector.store {{.*}}, vector<3xf32>
// LANES4: return

// LANES8-LABEL: func.func @square
// LANES8: scf.for
// LANES8: arith.mulf {{.*}} : vector<8xf32>
// LANES8: vector.store {{.*}}, vector<3xf32>

// LANES16-LABEL: func.func @square
// LANES16: scf.for
// LANES16: arith.mulf {{.*}} : vector<16xf32>
// LANES16: vector.store {{.*}}, vector<3xf32>

// HOST-LABEL: func.func @square
// HOST: arith.mulf {{.*}} : vector<{{4|8|16}}xf32>
func.func @square(%x: memref<67xf32>, %y: memref<67xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<67xf32>) outs(%y : memref<67xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// With candidates=N the report of a kernel has its shape and up to N schedules to measure, the cheapest first.

// RUN: pfp-opt %s --gauss-generate-kernels='core=x86-64-v3 schedule=model report candidates=3' | FileCheck %s
// RUN: pfp-opt %s --gauss-generate-kernels='core=x86-64-v3 schedule=model report' \
// RUN:   | FileCheck %s --check-prefix=NONE
// RUN: not pfp-opt %s --gauss-generate-kernels='core=x86-64-v3 candidates=many' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MANY

// CHECK: gauss.kernels = ["{{.*}}by\22:\22model\22,\22shape\22:{\22layers\22:\22dense\22,\22parallel\22:[8,16],\22reductions\22:[32],\22strips\22:1,\22tasks\22:1,\22digest\22:\22{{[0-9a-f]+}}\22}
// CHECK-SAME: \22candidates\22:[{\22schedule\22:{{.*}}\22schedule\22:{{.*}}\22schedule\22:
// NONE-NOT: candidates
// MANY: error: {{.*}} 'candidates' is a number up to 100000, not 'many'
#lhs = affine_map<(i, j, k) -> (i, k)>
#rhs = affine_map<(i, j, k) -> (j, k)>
#out = affine_map<(i, j, k) -> (i, j)>
func.func @dense(%x: memref<8x32xf32>, %w: memref<16x32xf32>, %y: memref<8x16xf32>) {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x32xf32>, memref<16x32xf32>) outs(%y : memref<8x16xf32>) attrs = {pfp.layer = "dense"} {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %next = math.fma %a, %b, %sum : f32
    linalg.yield %next : f32
  }
  return
}

// The schedule of a kernel can be given. A file names the kernel by its number in the
// function and the layers that it computes, as report lists it; here a tile of 2 rows and
// 2 vectors takes the place of what the model chooses, so the inner loop carries four sums
// and not more. A file may also replace the numbers of the core.

// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%S/Inputs/schedule.json' --canonicalize \
// RUN:   | FileCheck %s
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 report' \
// RUN:   | FileCheck %s --check-prefix=REPORT
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%S/Inputs/schedule.json report' \
// RUN:   | FileCheck %s --check-prefix=GIVEN
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%S/Inputs/core.json' \
// RUN:   | FileCheck %s --check-prefix=CORE
// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 | FileCheck %s --check-prefix=SILENT

// REPORT: gauss.kernels = ["{\22function\22:\22layer\22,\22kernel\22:\220 dense\22,\22strips\22:1,\22parallel\22:[8,16],\22reductions\22:[32],\22schedule\22:{
// REPORT-SAME: \22cost\22:
// GIVEN: \22rows\22:2,\22vectors\22:2,\22splits\22:1,\22window\22:false,\22ahead\22:0,\22order\22:[1,0]
// CORE: vector<16xf32>
// SILENT-NOT: gauss.kernels

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (k, m)>
#sum = affine_map<(n, m, k) -> (n, m)>

// CHECK-LABEL: func.func @layer
// CHECK: scf.for {{.*}} step %c8
// CHECK: scf.for {{.*}} step %c2
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>) {
func.func @layer(%x: memref<8x32xf32>, %w: memref<32x16xf32>, %y: memref<8x16xf32>) {
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x32xf32>, memref<32x16xf32>) outs(%y : memref<8x16xf32>) attrs = {pfp.layer = "dense"} {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

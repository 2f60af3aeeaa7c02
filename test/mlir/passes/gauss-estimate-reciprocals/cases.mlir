// RUN: pfp-opt %s --gauss-estimate-reciprocals | FileCheck %s
// LLVM has the instructions for every type that the pass takes.
// RUN: pfp-opt %s --gauss-estimate-reciprocals --convert-scf-to-cf --convert-vector-to-llvm --convert-math-to-llvm --convert-arith-to-llvm \
// RUN:     --convert-func-to-llvm --convert-cf-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir \
// RUN:   | llc -mtriple=aarch64-linux-gnu -o - | FileCheck %s --check-prefix=ASM

// The last elements of a row are computed one by one, with the same bits.
// CHECK-LABEL: func.func @scalar
// CHECK-COUNT-2: "llvm.aarch64.neon.frsqrts"(%{{.*}}, %{{.*}}) : (f32, f32) -> f32
// CHECK-NOT: math.sqrt
// ASM-LABEL: scalar:
// ASM: frsqrte s{{[0-9]+}}, s
// ASM-COUNT-2: frsqrts s{{[0-9]+}}, s
func.func @scalar(%x: f32) -> f32 {
  %0 = math.sqrt %x {pfp.estimate} : f32
  return %0 : f32
}

// CHECK-LABEL: func.func @two_lanes
// CHECK-COUNT-2: "llvm.aarch64.neon.frecps"(%{{.*}}, %{{.*}}) : (vector<2xf32>, vector<2xf32>) -> vector<2xf32>
// ASM-LABEL: two_lanes:
// ASM: frecpe v{{[0-9]+}}.2s
// ASM-COUNT-2: frecps v{{[0-9]+}}.2s
func.func @two_lanes(%x: vector<2xf32>) -> vector<2xf32> {
  %one = arith.constant dense<1.0> : vector<2xf32>
  %0 = arith.divf %one, %x {pfp.estimate} : vector<2xf32>
  return %0 : vector<2xf32>
}

// All quotients by a root are products, wherever they stand.
// CHECK-LABEL: func.func @two_quotients
// CHECK-COUNT-2: "llvm.aarch64.neon.frsqrts"
// CHECK-NOT: frsqrt
// CHECK: %[[ROOT:.*]] = arith.mulf
// CHECK: %[[R:.*]] = arith.mulf
// CHECK: arith.mulf %{{.*}}, %[[R]]
// CHECK: scf.if
// CHECK: arith.mulf %{{.*}}, %[[R]]
// ASM-LABEL: two_quotients:
// ASM-NOT: fdiv
// ASM: ret
func.func @two_quotients(%a: vector<4xf32>, %x: vector<4xf32>, %c: i1) -> (vector<4xf32>, vector<4xf32>) {
  %0 = math.sqrt %x {pfp.estimate} : vector<4xf32>
  %1 = arith.divf %a, %0 : vector<4xf32>
  %2 = scf.if %c -> vector<4xf32> {
    %3 = arith.divf %1, %0 : vector<4xf32>
    scf.yield %3 : vector<4xf32>
  } else {
    scf.yield %a : vector<4xf32>
  }
  return %1, %2 : vector<4xf32>, vector<4xf32>
}

// A root divided by itself, or by another number, is still divided.
// CHECK-LABEL: func.func @root_as_dividend
// CHECK-COUNT-2: frsqrts
// CHECK-NEXT: %[[ROOT:.*]] = arith.mulf
// CHECK: arith.divf %[[ROOT]], %[[ROOT]]
// CHECK: arith.divf %[[ROOT]], %{{.*}}
func.func @root_as_dividend(%x: f32, %y: f32) -> (f32, f32) {
  %0 = math.sqrt %x {pfp.estimate} : f32
  %1 = arith.divf %0, %0 : f32
  %2 = arith.divf %0, %y : f32
  return %1, %2 : f32, f32
}

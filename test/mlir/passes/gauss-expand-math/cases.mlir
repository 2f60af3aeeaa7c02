// RUN: pfp-opt %s --gauss-expand-math | FileCheck %s --implicit-check-not='math.{{exp|erf}}'
// RUN: pfp-opt %s --gauss-expand-math=fma=true | FileCheck %s
// RUN: pfp-opt %s --gauss-expand-math=fma=false | FileCheck %s --check-prefix=NOFMA --implicit-check-not=math.fma

// CHECK-LABEL: func.func @scalar
// CHECK: math.fma {{.*}} : f32
// CHECK: arith.bitcast {{.*}} : f32 to i32
// NOFMA-LABEL: func.func @scalar
// NOFMA: %[[PRODUCT:.*]] = arith.mulf
// NOFMA-NEXT: arith.addf %[[PRODUCT]]
func.func @scalar(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}

// Who promises that there is no infinity and no NaN pays for neither.
// CHECK-LABEL: func.func @finite
// CHECK: arith.cmpf olt
// CHECK-NOT: arith.cmpf
// CHECK: return
func.func @finite(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.exp %x fastmath<nnan,ninf> : vector<8xf32>
  return %0 : vector<8xf32>
}

// CHECK-LABEL: func.func @fast
// CHECK: arith.cmpf olt
// CHECK-NOT: arith.cmpf
// CHECK: return
func.func @fast(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.exp %x fastmath<fast> : vector<8xf32>
  return %0 : vector<8xf32>
}

// One promise without the other is not enough.
// CHECK-LABEL: func.func @no_nan
// CHECK: arith.cmpf ogt
func.func @no_nan(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.exp %x fastmath<nnan> : vector<8xf32>
  return %0 : vector<8xf32>
}

// erf: an odd polynomial near 0, 1 - e^-p(|x|) with the sign of x beyond.
// CHECK-LABEL: func.func @erf
// CHECK-SAME: (%[[X:.*]]: vector<16xf32>)
// CHECK: math.absf %[[X]]
// CHECK: arith.mulf %[[X]], %[[X]]
// CHECK: math.copysign %{{.*}}, %[[X]]
// CHECK: arith.cmpf uno, %[[X]], %[[X]]
func.func @erf(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.erf %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func.func @vectors_of_two_dimensions
// CHECK: arith.bitcast {{.*}} : vector<2x4xf32> to vector<2x4xi32>
func.func @vectors_of_two_dimensions(%x: vector<2x4xf32>) -> vector<2x4xf32> {
  %0 = math.exp %x : vector<2x4xf32>
  return %0 : vector<2x4xf32>
}

// CHECK-LABEL: func.func @inside_of_loops
// CHECK: scf.for
// CHECK: arith.bitcast
func.func @inside_of_loops(%x: vector<4xf32>, %n: index) -> vector<4xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %y = scf.for %i = %zero to %n step %one iter_args(%a = %x) -> vector<4xf32> {
    %0 = math.exp %a : vector<4xf32>
    scf.yield %0 : vector<4xf32>
  }
  return %y : vector<4xf32>
}

// A fused multiply-add stays where the core has one.
// CHECK-LABEL: func.func @fma
// CHECK-NEXT: math.fma
// NOFMA-LABEL: func.func @fma
// NOFMA-SAME: (%[[A:.*]]: vector<4xf32>, %[[B:.*]]: vector<4xf32>, %[[C:.*]]: vector<4xf32>)
// NOFMA-NEXT: %[[PRODUCT:.*]] = arith.mulf %[[A]], %[[B]]
// NOFMA-NEXT: %[[SUM:.*]] = arith.addf %[[PRODUCT]], %[[C]]
// NOFMA-NEXT: return %[[SUM]]
func.func @fma(%a: vector<4xf32>, %b: vector<4xf32>, %c: vector<4xf32>) -> vector<4xf32> {
  %0 = math.fma %a, %b, %c : vector<4xf32>
  return %0 : vector<4xf32>
}

// The exponential of the tail multiplies its operand by log₂e. A power of two by which that
// was multiplied before goes into the factor: −½ log₂e is −0.7213.
// CHECK-LABEL: func.func @tail_of_a_product
// CHECK-SAME: (%[[X:.*]]: f32)
// CHECK: %[[FACTOR:.*]] = arith.constant -0.7213{{[0-9]*}} : f32
// CHECK: math.fma %[[X]], %[[FACTOR]],
func.func @tail_of_a_product(%x: f32) -> f32 {
  %half = arith.constant -0.5 : f32
  %0 = arith.mulf %x, %half : f32
  %1 = math.exp %0 {pfp.tail_exponent} : f32
  return %1 : f32
}

// Another factor stays where it is.
// CHECK-LABEL: func.func @tail_of_another_product
// CHECK: %[[PRODUCT:.*]] = arith.mulf
// CHECK: %[[FACTOR:.*]] = arith.constant 1.442695{{[0-9]*}} : f32
// CHECK: math.fma %[[PRODUCT]], %[[FACTOR]],
func.func @tail_of_another_product(%x: f32) -> f32 {
  %third = arith.constant -0.33 : f32
  %0 = arith.mulf %x, %third : f32
  %1 = math.exp %0 {pfp.tail_exponent} : f32
  return %1 : f32
}

// A constant by which it is multiplied, and which it is for alone, goes into the coefficients.
// CHECK-LABEL: func.func @product_of_the_tail
// CHECK: arith.mulf
// CHECK-NOT: arith.mulf
// CHECK: %[[FACTOR:.*]] = arith.constant 2.500000e-01 : f32
// CHECK-NEXT: %[[FRACTION:.*]] = math.fma %{{.*}}, %{{.*}}, %[[FACTOR]]
// CHECK: %[[RESULT:.*]] = arith.mulf %[[FRACTION]], %{{.*}} : f32
// CHECK-NEXT: return %[[RESULT]]
func.func @product_of_the_tail(%x: f32) -> f32 {
  %quarter = arith.constant 0.25 : f32
  %0 = math.exp %x {pfp.tail_exponent} : f32
  %1 = arith.mulf %0, %quarter : f32
  return %1 : f32
}

// CHECK-LABEL: func.func @tail_used_twice
// CHECK: %[[QUARTER:.*]] = arith.constant 2.500000e-01 : f32
// CHECK: arith.mulf
// CHECK: %[[TAIL:.*]] = arith.mulf
// CHECK-NEXT: %[[PRODUCT:.*]] = arith.mulf %[[TAIL]], %[[QUARTER]]
// CHECK-NEXT: return %[[TAIL]], %[[PRODUCT]]
func.func @tail_used_twice(%x: f32) -> (f32, f32) {
  %quarter = arith.constant 0.25 : f32
  %0 = math.exp %x {pfp.tail_exponent} : f32
  %1 = arith.mulf %0, %quarter : f32
  return %0, %1 : f32, f32
}

// What the pass leaves alone: what does not allow an estimate, and types without one.

// RUN: pfp-opt %s --gauss-estimate-reciprocals > %t && pfp-opt %s | diff %t -

func.func @not_allowed(%x: vector<4xf32>, %y: vector<4xf32>) {
  %one = arith.constant dense<1.0> : vector<4xf32>
  %0 = math.sqrt %x : vector<4xf32>
  %1 = arith.divf %y, %0 : vector<4xf32>
  %2 = arith.divf %one, %x : vector<4xf32>
  return
}

func.func @not_a_reciprocal(%x: vector<4xf32>, %y: vector<4xf32>) {
  %0 = arith.divf %y, %x {pfp.estimate} : vector<4xf32>
  return
}

func.func @other_types(%d: f64, %w: vector<8xf32>, %m: vector<2x2xf32>, %h: vector<4xf16>, %t: tensor<4xf32>) {
  %0 = math.sqrt %d {pfp.estimate} : f64
  %1 = math.sqrt %w {pfp.estimate} : vector<8xf32>
  %2 = math.sqrt %m {pfp.estimate} : vector<2x2xf32>
  %3 = math.sqrt %h {pfp.estimate} : vector<4xf16>
  %4 = math.sqrt %t {pfp.estimate} : tensor<4xf32>
  return
}

func.func @other_ops(%x: vector<4xf32>) {
  %0 = math.rsqrt %x {pfp.estimate} : vector<4xf32>
  return
}

// What the pass leaves alone: other functions, other element types, tensors.

// RUN: pfp-opt %s --gauss-expand-math > %t && pfp-opt %s | diff %t -

func.func @others(%x: vector<4xf32>, %d: vector<4xf64>, %h: f16, %t: tensor<4xf32>) {
  %0 = math.exp %d : vector<4xf64>
  %1 = math.erf %h : f16
  %2 = math.exp %t : tensor<4xf32>
  %3 = math.tanh %x : vector<4xf32>
  %4 = math.sqrt %x : vector<4xf32>
  %5 = math.exp2 %x : vector<4xf32>
  return
}

// What the pass leaves alone.

// RUN: pfp-opt %s --gauss-skip-unchosen > %t && pfp-opt %s | diff %t -

// A choice that promises nothing.
func.func @not_marked(%x: vector<4xf32>, %c: vector<4xi1>) -> vector<4xf32> {
  %0 = math.log %x : vector<4xf32>
  %1 = arith.select %c, %0, %x : vector<4xi1>, vector<4xf32>
  return %1 : vector<4xf32>
}

// Less than a branch costs.
func.func @cheap(%x: vector<4xf32>, %c: vector<4xi1>) -> vector<4xf32> {
  %0 = arith.divf %x, %x : vector<4xf32>
  %1 = arith.mulf %0, %0 : vector<4xf32>
  %2 = arith.select %c, %1, %x {pfp.either} : vector<4xi1>, vector<4xf32>
  return %2 : vector<4xf32>
}

// Both sides need it, or the result, or the condition.
func.func @needed_elsewhere(%x: vector<4xf32>, %b: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>) {
  %0 = math.log %x : vector<4xf32>
  %1 = math.exp %x : vector<4xf32>
  %2 = math.sin %x : vector<4xf32>
  %c = arith.cmpf oge, %2, %b : vector<4xf32>
  %3 = arith.select %c, %0, %0 {pfp.either} : vector<4xi1>, vector<4xf32>
  %4 = arith.select %c, %1, %b {pfp.either} : vector<4xi1>, vector<4xf32>
  %5 = arith.select %c, %2, %b {pfp.either} : vector<4xi1>, vector<4xf32>
  return %3, %4, %1 : vector<4xf32>, vector<4xf32>, vector<4xf32>
}

// Loads stay in the order of stores.
func.func @memory(%m: memref<4xf32>, %i: index, %c: i1, %x: f32) -> f32 {
  %0 = memref.load %m[%i] : memref<4xf32>
  memref.store %x, %m[%i] : memref<4xf32>
  %1 = arith.select %c, %0, %x {pfp.either} : f32
  return %1 : f32
}

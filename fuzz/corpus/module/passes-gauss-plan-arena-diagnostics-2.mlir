func.func @double() {
  %a = memref.alloc() : memref<4xf64>
  memref.copy %a, %a : memref<4xf64> to memref<4xf64>
  return
}

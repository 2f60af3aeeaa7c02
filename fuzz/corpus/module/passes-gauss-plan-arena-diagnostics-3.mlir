func.func @overflow() {
  %a = memref.alloc() : memref<4611686018427387904x2xf32>
  memref.copy %a, %a : memref<4611686018427387904x2xf32> to memref<4611686018427387904x2xf32>
  return
}

func.func @in_a_loop(%n: index) {
  scf.for %i = %n to %n step %n {
    %a = memref.alloc() : memref<64xf32>
    memref.copy %a, %a : memref<64xf32> to memref<64xf32>
  }
  return
}

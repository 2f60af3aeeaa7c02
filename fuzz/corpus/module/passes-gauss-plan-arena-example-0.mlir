func.func @chain(%x: memref<64xf32>, %y: memref<64xf32>) {
  %a = memref.alloc() : memref<64xf32>
  %b = memref.alloc() : memref<16xf32>
  %c = memref.alloc() : memref<64xf32>
  "test.op"(%x, %a) : (memref<64xf32>, memref<64xf32>) -> ()
  "test.op"(%a, %b) : (memref<64xf32>, memref<16xf32>) -> ()
  "test.op"(%b, %c) : (memref<16xf32>, memref<64xf32>) -> ()
  "test.op"(%c, %y) : (memref<64xf32>, memref<64xf32>) -> ()
  return
}

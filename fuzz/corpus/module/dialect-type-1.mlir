func.func private @largest(!gauss.tensor<16384x16384xf32>)

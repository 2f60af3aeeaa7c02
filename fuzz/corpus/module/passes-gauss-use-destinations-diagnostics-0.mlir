func.func private @declaration(tensor<2xf32>)

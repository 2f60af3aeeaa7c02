func.func private @integer(!gauss.tensor<2x3xi8>)

func.func private @unranked(!gauss.tensor<*xf32>)

func.func private @overflow(!gauss.tensor<4611686018427387904x4xf32>)

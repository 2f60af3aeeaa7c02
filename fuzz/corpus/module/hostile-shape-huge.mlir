func.func @f(%x: !gauss.tensor<4611686018427387904x4xf32>) { return }

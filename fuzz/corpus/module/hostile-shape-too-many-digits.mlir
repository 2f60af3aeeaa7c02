func.func @f(%x: !gauss.tensor<2x99999999999999999999xf32>) { return }

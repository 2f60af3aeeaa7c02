// µ σ² 𝛷 — each of several bytes
func.func @f(%x: tensor<2xf32>) -> tensor<2xf64> { %0 = gauss.relu %x, "𝛷𝛷𝛷" : (tensor<2xf32>) -> tensor<2xf32> }

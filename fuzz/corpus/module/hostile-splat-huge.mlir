func.func @f() -> tensor<1099511627776xf32> {
  %0 = arith.constant dense<0.0> : tensor<1099511627776xf32>
  return %0 : tensor<1099511627776xf32>
}

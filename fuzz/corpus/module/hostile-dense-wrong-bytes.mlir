func.func @f() -> tensor<3xf32> {
  %0 = arith.constant dense<"0x0000803F0000"> : tensor<3xf32>
  return %0 : tensor<3xf32>
}

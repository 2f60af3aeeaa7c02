func.func @f() -> !gauss.tensor<2xf32> {
  %0 = gauss.constant mean(dense_resource<m> : tensor<2xi32>) variance(dense_resource<v> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return %0 : !gauss.tensor<2xf32>
}
{-#
  dialect_resources: {
    builtin: {
      m: "0x040000000000803F000000C0",
      v: "0x040000000000803F00000040"
    }
  }
#-}

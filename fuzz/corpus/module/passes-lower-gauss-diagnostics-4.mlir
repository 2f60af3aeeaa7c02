func.func @casts(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  %0 = builtin.unrealized_conversion_cast %x : !gauss.tensor<2xf32> to !gauss.tensor<2xf32>
  return %0 : !gauss.tensor<2xf32>
}

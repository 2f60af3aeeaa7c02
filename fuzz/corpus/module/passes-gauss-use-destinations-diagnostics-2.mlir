func.func @not_lowered(%x: !gauss.tensor<2xf32>) {
  return
}

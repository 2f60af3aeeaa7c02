func.func @double(%x: tensor<2xf64>) {
  return
}

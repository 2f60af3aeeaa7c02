func.func @control_flow(%x: tensor<2xf32>) {
  cf.br ^next
^next:
  return
}

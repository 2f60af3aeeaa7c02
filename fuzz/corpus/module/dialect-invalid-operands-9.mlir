func.func @dynamic_result(%x: tensor<?x3xf32>, %w: tensor<?x3xf32>) {
  %0 = gauss.dense %x, %w : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x?xf32>
  return
}

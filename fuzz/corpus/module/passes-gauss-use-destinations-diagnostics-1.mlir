func.func @dynamic(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %0 = math.absf %x : tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

func.func @net(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}

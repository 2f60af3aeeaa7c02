func.func @net(%x: !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %0 = call @activation(%x) : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = call @activation(%0) : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %1 : !gauss.tensor<?x4xf32>
}

func.func private @activation(%x: !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %0 : !gauss.tensor<?x4xf32>
}

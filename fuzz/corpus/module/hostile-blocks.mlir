func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  "func.return"(%x) : (tensor<2xf32>) -> ()
^bb1(%y: tensor<2xf32>):
  return %y : tensor<2xf32>
}

// Multi-layer perceptron of the Probabilistic Forward Pass paper (arXiv 2511.23440), trained on Dirty-MNIST.
func.func @mlp(%image: tensor<?x1x28x28xf32>) -> !gauss.tensor<?x10xf32> {
  %input_weight = gauss.parameter "input_layer.weight" : !gauss.tensor<100x784xf32>
  %input_bias = gauss.parameter "input_layer.bias" : !gauss.tensor<100xf32>
  %hidden_weight = gauss.parameter "hidden_layers.0.weight" : !gauss.tensor<100x100xf32>
  %hidden_bias = gauss.parameter "hidden_layers.0.bias" : !gauss.tensor<100xf32>
  %out_weight = gauss.parameter "out_layer.weight" : !gauss.tensor<10x100xf32>
  %out_bias = gauss.parameter "out_layer.bias" : !gauss.tensor<10xf32>
  %0 = gauss.flatten %image : (tensor<?x1x28x28xf32>) -> tensor<?x784xf32>
  %1 = gauss.dense %0, %input_weight, %input_bias : (tensor<?x784xf32>, !gauss.tensor<100x784xf32>, !gauss.tensor<100xf32>) -> !gauss.tensor<?x100xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x100xf32>) -> !gauss.tensor<?x100xf32>
  %3 = gauss.dense %2, %hidden_weight, %hidden_bias : (!gauss.tensor<?x100xf32>, !gauss.tensor<100x100xf32>, !gauss.tensor<100xf32>) -> !gauss.tensor<?x100xf32>
  %4 = gauss.relu %3 : (!gauss.tensor<?x100xf32>) -> !gauss.tensor<?x100xf32>
  %5 = gauss.dense %4, %out_weight, %out_bias : (!gauss.tensor<?x100xf32>, !gauss.tensor<10x100xf32>, !gauss.tensor<10xf32>) -> !gauss.tensor<?x10xf32>
  return %5 : !gauss.tensor<?x10xf32>
}

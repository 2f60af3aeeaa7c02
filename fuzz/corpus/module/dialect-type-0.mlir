func.func private @valid(!gauss.tensor<f32>, !gauss.tensor<3xf32>, !gauss.tensor<?xf32>,
                         !gauss.tensor<?x1x28x28xf32>)

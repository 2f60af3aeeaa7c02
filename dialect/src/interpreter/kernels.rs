//! The layers on tensors: loops around the algebra of [`crate::moments`].

mod contraction;
mod matmul;
mod movement;
mod norm;
mod places;
mod pool;
mod reduction;
mod views;
mod weights;

use std::marker::PhantomData;

use self::{
    contraction::{Linear, convolve, dense, scatter},
    matmul::product,
    movement::{embedded, moved},
    norm::{batch_norm, normalised},
    pool::{global_max, pooled, pooled_with},
    reduction::{reduced, resized},
    views::{broadcast, elementwise, sizes},
    weights::attention_weights,
};
use super::{Dependence, Scalar, Tensor, check_variances, predictions};
use crate::{
    covariance::{self, Correlated, Operand},
    layer::Layer,
    moments::{Moments, mixture},
    ops::{
        blend,
        build::{Build, Part},
    },
    predictive::{central_quantile, interval_end},
    shape::{self, TensorType},
};

/// The result of a layer. Sources and `gauss.reshape` are not layers here.
pub(super) fn apply<V: Scalar>(
    layer: &Layer,
    operands: &[&Tensor<V>],
) -> Result<Tensor<V>, String> {
    let types: Vec<_> = operands.iter().map(|operand| operand.ty()).collect();
    let ty = shape::infer(layer, &types)?;
    if ty.has_covariance() && covariance::is_kept(layer) {
        let operands: Vec<_> = operands.iter().map(|&operand| of_tensor(operand)).collect();
        return covariance::apply(&mut Evaluate::<V>::new(), layer, &operands).and_then(of_parts);
    }
    match (layer, operands) {
        (Layer::Correlated, [input]) => {
            covariance::correlated(&mut Evaluate::<V>::new(), &of_tensor(input)).and_then(of_parts)
        }
        (Layer::Marginals, [input]) => Ok(Tensor { dependence: None, ..(*input).clone() }),
        (Layer::Covariance { of_nodes }, [input]) => {
            let parts = parts_of(input)?;
            match of_nodes {
                true => covariance::of_each(&mut Evaluate::<V>::new(), &parts),
                false => covariance::matrix(&mut Evaluate::<V>::new(), &parts),
            }
        }
        (Layer::Nodes, [input]) => {
            covariance::of_nodes(&mut Evaluate::<V>::new(), &parts_of(input)?)
        }
        (Layer::Mix, [input]) => mixed(input, &ty),
        (Layer::SquareDeviation { rectified }, [input]) => {
            let input = input.view();
            elementwise(&ty, |i| {
                let deviation = match rectified {
                    true => mixture::positive_square_deviation(&mut V::algebra(), input.at(i)),
                    false => mixture::square_deviation(&mut V::algebra(), input.at(i)),
                };
                Moments::deterministic(deviation)
            })
        }
        (Layer::ScaleNodes(nodes), [variance, mean]) => {
            let rule = mixture::rule(*nodes).ok_or("has no rule of so many nodes")?;
            elementwise(&ty, |i| {
                let (item, node) = (i / rule.len(), i % rule.len());
                let moments = [variance.mean[item], mean.mean[item]];
                Moments::deterministic(mixture::scale(
                    &mut V::algebra(),
                    &rule,
                    moments,
                    V::constant(rule[node].0),
                ))
            })
        }
        (Layer::WithDiagonal, [matrices, diagonal]) => {
            let size = sizes(&ty)[1];
            let value = |(place, &value): (usize, &V)| {
                let (row, column) = (place / size, place % size);
                if row % size == column { diagonal.mean[row] } else { value }
            };
            let values = matrices.mean.iter().enumerate().map(value).collect();
            Ok(Tensor::deterministic(&matrices.shape, values))
        }
        (Layer::Gain(activation), [input]) => {
            let input = input.view();
            elementwise(&ty, |i| {
                Moments::deterministic(activation.gain(&mut V::algebra(), input.at(i)))
            })
        }
        (Layer::Make, [mean, variance]) => {
            check_variances(&variance.mean)?;
            Ok(Tensor { variance: Some(variance.mean.clone()), ..(*mean).clone() })
        }
        (Layer::Mean, [input]) => Ok(Tensor::deterministic(&input.shape, input.mean.clone())),
        (Layer::Variance, [input]) => {
            let variances = input.variance.as_ref().ok_or("takes a Gaussian operand")?;
            Ok(Tensor::deterministic(&input.shape, variances.clone()))
        }
        (Layer::Dense, [input, weight, bias @ ..]) => dense(Linear::new(input, weight, bias), &ty),
        (Layer::Convolution(convolution), [input, weight, bias @ ..]) => {
            convolve(convolution, Linear::new(input, weight, bias), &ty)
        }
        (Layer::ConvTranspose(convolution), [input, weight, bias @ ..]) => {
            scatter(convolution, Linear::new(input, weight, bias), &ty)
        }
        (Layer::BatchNorm(epsilon), [input, gamma, beta, mean, variance]) => {
            batch_norm(*epsilon, [*input, *gamma, *beta], [*mean, *variance], &ty)
        }
        (Layer::Binary(binary), [left, right]) => {
            broadcast([*left, *right], &ty, |[x, y]| binary.moments(&mut V::algebra(), x, y))
        }
        (Layer::Matmul(matmul), [lhs, rhs]) => product(*matmul, lhs, rhs, &ty),
        (Layer::Norm(norm), [input, parameters @ ..]) => normalised(norm, input, parameters, &ty),
        (Layer::Blend, [z, x, y]) => {
            broadcast([*z, *x, *y], &ty, |[z, x, y]| blend::moments(&mut V::algebra(), z, x, y))
        }
        (Layer::AttentionWeights(weights), [logits]) => attention_weights(*weights, logits),
        (Layer::Composite(composite), operands) => {
            let operands: Vec<_> = operands.iter().map(|&operand| operand.clone()).collect();
            composite.build(&mut Evaluate::<V>::new(), &operands)
        }
        (Layer::Embedding, [indices, table]) => embedded(indices, table, &ty),
        (Layer::Resize(resize), [input]) => resized(resize, input, &ty),
        (Layer::Movement(movement), operands) => moved(movement, operands, &ty),
        (Layer::Reduction(reduction), [input]) => reduced(reduction, input, &ty),
        (Layer::Activation(activation), [input]) => {
            let input = input.view();
            elementwise(&ty, |i| activation.moments(&mut V::algebra(), input.at(i)))
        }
        (Layer::Noise(noise), [input]) => {
            let input = input.view();
            elementwise(&ty, |i| noise.moments(&mut V::algebra(), input.at(i)))
        }
        (Layer::Pool(pool), [input]) => pooled(pool, input, &ty),
        (Layer::Pool(pool), [input, covariances @ ..]) => {
            pooled_with(pool, input, covariances, &ty)
        }
        (Layer::GlobalMaxPool, [input]) => global_max(input, &ty),
        (Layer::Flatten, [input]) => Ok(Tensor { shape: sizes(&ty), ..(*input).clone() }),
        (Layer::Softmax(method), [logits, covariance @ ..]) => {
            let (logits, covariance) = with_covariance(logits, covariance)?;
            let values = predictions::softmax(*method, &logits, covariance.as_ref());
            Ok(Tensor::deterministic(&sizes(&ty), values))
        }
        (Layer::Uncertainty(method), [logits, covariance @ ..]) => {
            let (logits, covariance) = with_covariance(logits, covariance)?;
            let values = predictions::uncertainty(*method, &logits, covariance.as_ref());
            Ok(Tensor::deterministic(&sizes(&ty), values))
        }
        (Layer::Decide(thresholds), [probabilities, uncertainty]) => {
            let decisions = predictions::decide(*thresholds, probabilities, uncertainty);
            Ok(Tensor::deterministic(&sizes(&ty), decisions))
        }
        (Layer::BinaryProbability, [logits]) => {
            Ok(Tensor::deterministic(&sizes(&ty), predictions::binary_probability(logits)))
        }
        (Layer::BinaryUncertainty, [logits]) => {
            Ok(Tensor::deterministic(&sizes(&ty), predictions::binary_uncertainty(logits)))
        }
        (Layer::BinaryDecide(thresholds), [probability, uncertainty]) => {
            let decisions = predictions::binary_decide(*thresholds, probability, uncertainty);
            Ok(Tensor::deterministic(&sizes(&ty), decisions))
        }
        (Layer::Interval(interval), [input]) => {
            let (input, quantile) = (input.view(), central_quantile(interval.coverage));
            elementwise(&ty, |i| {
                let side = V::constant(if i % 2 == 0 { -1.0 } else { 1.0 });
                let end = interval_end(
                    &mut V::algebra(),
                    input.at(i / 2),
                    side,
                    quantile,
                    interval.noise,
                );
                Moments::deterministic(end)
            })
        }
        (layer, operands) => {
            Err(format!("has {} operands, which {layer:?} does not take", operands.len()))
        }
    }
}

/// Logits and their covariances, their own or a tensor of them; of a mixture those of each node.
fn with_covariance<V: Scalar>(
    logits: &Tensor<V>,
    given: &[&Tensor<V>],
) -> Result<(Tensor<V>, Option<Tensor<V>>), String> {
    match (of_tensor(logits), given) {
        (Operand::Correlated(parts), _) => {
            let matrices = covariance::of_each(&mut Evaluate::<V>::new(), &parts)?;
            let logits = match parts.nodes {
                1 => parts.marginals,
                _ => covariance::of_nodes(&mut Evaluate::<V>::new(), &parts)?,
            };
            Ok((logits, Some(matrices)))
        }
        (Operand::Plain(logits), [given, ..]) => Ok((logits, Some((*given).clone()))),
        (Operand::Plain(logits), []) => Ok((logits, None)),
    }
}

/// The mixture of what lies along the second dimension.
fn mixed<V: Scalar>(input: &Tensor<V>, ty: &TensorType) -> Result<Tensor<V>, String> {
    let nodes = input.shape.get(1).and_then(|&nodes| i64::try_from(nodes).ok());
    let rule = nodes.and_then(mixture::rule).ok_or("has no rule of so many nodes")?;
    let inner: usize = input.shape[2..].iter().product();
    let input = input.view();
    elementwise(ty, |i| {
        let place = |node| (i / inner * rule.len() + node) * inner + i % inner;
        let nodes: Vec<_> = (0..rule.len()).map(|node| input.at(place(node))).collect();
        mixture::mix(&mut V::algebra(), &rule, &nodes)
    })
}

/// The parts of a tensor with covariances.
fn parts_of<V: Scalar>(tensor: &Tensor<V>) -> Result<Correlated<Tensor<V>>, String> {
    match of_tensor(tensor) {
        Operand::Correlated(parts) => Ok(parts),
        Operand::Plain(_) => Err("takes a tensor with covariances".into()),
    }
}

/// A tensor by the parts of its covariances.
fn of_tensor<V: Scalar>(tensor: &Tensor<V>) -> Operand<Tensor<V>> {
    let marginals = Tensor { dependence: None, ..tensor.clone() };
    match &tensor.dependence {
        None => Operand::Plain(marginals),
        Some(dependence) => {
            let Dependence { shared, own, rows, nodes } = dependence.as_ref().clone();
            let marginals = rows.unwrap_or(marginals);
            Operand::Correlated(Correlated { marginals, shared, own, nodes })
        }
    }
}

fn of_parts<V: Scalar>(parts: Correlated<Tensor<V>>) -> Result<Tensor<V>, String> {
    let whole = covariance::marginals(&mut Evaluate::<V>::new(), &parts)?;
    let Correlated { marginals, shared, own, nodes } = parts;
    let rows = (nodes > 1).then_some(marginals);
    Ok(Tensor { dependence: Some(Box::new(Dependence { shared, own, rows, nodes })), ..whole })
}

/// Composites evaluate the layers that they are built of.
struct Evaluate<V>(PhantomData<V>);

impl<V> Evaluate<V> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<V: Scalar> Build for Evaluate<V> {
    type Value = Tensor<V>;

    fn ty(&self, value: &Tensor<V>) -> TensorType {
        value.ty()
    }

    fn layer(&mut self, part: Part, operands: &[&Tensor<V>]) -> Result<Tensor<V>, String> {
        apply(&part.into(), operands)
    }

    fn reshape(&mut self, value: &Tensor<V>, shape: &[i64]) -> Result<Tensor<V>, String> {
        let ty = TensorType { shape: shape.to_vec(), ..value.ty() };
        shape::check_reshape(&value.ty(), &ty)?;
        Ok(Tensor { shape: sizes(&ty), ..value.clone() })
    }

    fn zero(&mut self, rank: usize, gaussian: bool) -> Tensor<V> {
        let variance = gaussian.then(|| vec![V::ZERO]);
        Tensor::new(vec![1; rank], vec![V::ZERO], variance)
    }
}

//! Shape rules: what a layer's operands must be, and the type of its result.
//!
//! One function serves type inference and the verifier. Messages continue the
//! words `'gauss.op' op`.

pub use crate::types::{MAX_CORRELATED, TensorType};

use crate::{
    covariance,
    ir::{DYNAMIC, MAX_ELEMENTS},
    layer::Layer,
    moments::mixture,
    ops::{
        blend,
        build::{Build, Part},
        composite::Composite,
        embedding,
    },
    predictive::{MAX_DRAWN, Method, Sampling},
};

/// The numbers that `gauss.uncertainty` gives for an item: total, aleatoric and
/// epistemic.
pub const UNCERTAINTIES: i64 = 3;

/// The result type of a layer on operands of these types.
///
/// # Errors
///
/// Where the operands do not fit the layer; the message continues the words `'gauss.op' op`.
pub fn infer(layer: &Layer, operands: &[TensorType]) -> Result<TensorType, String> {
    for (number, operand) in operands.iter().enumerate() {
        check_sizes(&format!("operand {number}"), operand)?;
    }
    covariance::check(layer, operands)?;
    let mut result = infer_unchecked(layer, operands)?;
    if covariance::is_kept(layer) {
        let nodes = operands.iter().map(|operand| operand.nodes);
        result.nodes = nodes.fold(result.nodes, i64::max);
    }
    check_sizes("a result", &result)?;
    Ok(result)
}

fn infer_unchecked(layer: &Layer, operands: &[TensorType]) -> Result<TensorType, String> {
    let gaussian = operands.iter().any(|operand| operand.gaussian);
    let result = |shape: Vec<i64>| Ok(TensorType::new(shape, gaussian));
    match (layer, operands) {
        (Layer::Make, [mean, variance]) => {
            if mean.shape != variance.shape {
                return Err(format!("has mean {mean} but variance {variance}"));
            }
            Ok(TensorType::new(mean.shape.clone(), true))
        }
        (Layer::Mean | Layer::Variance, [input]) => Ok(TensorType::new(input.shape.clone(), false)),
        (Layer::Correlated, [input]) => {
            let [_, elements] = rank(input)?;
            match input.gaussian && elements <= MAX_CORRELATED {
                true => Ok(TensorType { nodes: input.nodes.max(1), ..input.clone() }),
                false => Err(format!(
                    "takes {input}; it takes a Gaussian tensor of up to {MAX_CORRELATED} elements an item"
                )),
            }
        }
        (Layer::Marginals, [input]) if input.has_covariance() => Ok(input.marginals()),
        (Layer::Covariance { of_nodes: false }, [input]) if input.has_covariance() => {
            let [items, elements] = rank(input)?;
            Ok(TensorType::new(vec![items, elements, elements], false))
        }
        (Layer::Covariance { of_nodes: true }, [input]) if input.nodes > 1 => {
            let [items, elements] = rank(input)?;
            Ok(TensorType::new(vec![items, input.nodes, elements, elements], false))
        }
        (Layer::Nodes, [input]) if input.nodes > 1 => {
            let [items, elements] = rank(input)?;
            Ok(TensorType::new(vec![items, input.nodes, elements], true))
        }
        (Layer::Marginals | Layer::Covariance { of_nodes: false }, [input]) => {
            Err(format!("takes a tensor with covariances, not {input}"))
        }
        (Layer::Nodes | Layer::Covariance { .. }, [input]) => {
            Err(format!("takes a mixture, as gauss.scale_mixture gives, not {input}"))
        }
        (Layer::Mix, [input]) => match input.shape[..] {
            [items, nodes, ref rest @ ..] if mixture::rule(nodes).is_some() => {
                result([&[items], rest].concat())
            }
            _ => Err(format!(
                "takes nodes, 3, 5, 9, 15, 25, 45 or 75, as the second dimension, not {input}"
            )),
        },
        (Layer::SquareDeviation { .. }, [input]) => Ok(TensorType::new(input.shape.clone(), false)),
        (Layer::ScaleNodes(nodes), [variance, mean]) => match variance.shape[..] {
            [items] if mean.shape == variance.shape => {
                Ok(TensorType::new(vec![items, *nodes], false))
            }
            _ => {
                Err(format!("takes a variance and a mean for each item, not {variance} and {mean}"))
            }
        },
        (Layer::ScaleMixture(mixture), [input, _, weight, bias @ ..]) => {
            let linear: Vec<_> =
                [input, weight].into_iter().chain(bias).map(TensorType::marginals).collect();
            mixture.infer(operands, infer_unchecked(&Layer::Dense, &linear)?)
        }
        (Layer::WithDiagonal, [matrices, diagonal]) => {
            let [items, elements] = rank(diagonal)?;
            match matrices.shape == [items, elements, elements] {
                true => Ok(TensorType::new(matrices.shape.clone(), false)),
                false => {
                    Err(format!("gives {matrices} the diagonal {diagonal}, which does not fit"))
                }
            }
        }
        (Layer::Gain(_), [input]) => Ok(TensorType::new(input.shape.clone(), false)),
        (Layer::Dense, [input, weight, bias @ ..]) => {
            let ([batch, depth], [outputs, weight_depth]) = (rank(input)?, rank(weight)?);
            if depth != weight_depth {
                return Err(format!(
                    "multiplies {input} by the weight {weight}: the input has {depth} features, \
                     the weight takes {weight_depth}"
                ));
            }
            check_bias(bias, outputs)?;
            result(vec![batch, outputs])
        }
        (Layer::Convolution(convolution), [input, weight, bias @ ..]) => {
            let result = convolution.infer(input, weight)?;
            check_bias(bias, result.shape[1])?;
            Ok(TensorType { gaussian, ..result })
        }
        (Layer::ConvTranspose(convolution), [input, weight, bias @ ..]) => {
            let result = convolution.infer(input, weight)?;
            check_bias(bias, result.shape[1])?;
            Ok(TensorType { gaussian, ..result })
        }
        (Layer::BatchNorm(_), [input, parameters @ ..]) => {
            let [_, channels, ..] = input.shape[..] else {
                return Err(format!("needs an input with a channel dimension, got {input}"));
            };
            for (name, parameter) in
                ["gamma", "beta", "running_mean", "running_variance"].iter().zip(parameters)
            {
                if parameter.shape != [channels] {
                    return Err(format!(
                        "needs {channels} values as {name}, one for each channel of {input}, got \
                         {parameter}"
                    ));
                }
            }
            result(input.shape.clone())
        }
        (Layer::Binary(binary), [left, right]) => binary.infer(left, right),
        (Layer::Matmul(matmul), [lhs, rhs]) => matmul.infer(lhs, rhs),
        (Layer::Norm(norm), [input, parameters @ ..]) => norm.infer(input, parameters),
        (Layer::Blend, [z, x, y]) => blend::infer([z, x, y]),
        (Layer::AttentionWeights(weights), [logits]) => weights.infer(logits),
        (Layer::Composite(Composite::Recurrent(recurrent)), operands) => recurrent.infer(operands),
        (Layer::Composite(Composite::Attention(attention)), operands) => {
            attention.build(&mut Types, operands)
        }
        (Layer::Embedding, [indices, table]) => embedding::infer(indices, table),
        (Layer::Resize(resize), [input]) => resize.infer(input),
        (Layer::Movement(movement), operands) => movement.infer(operands),
        (Layer::Reduction(reduction), [input]) => reduction.infer(input),
        (Layer::Activation(_), [input]) => result(input.shape.clone()),
        (Layer::Noise(_), [input]) => Ok(TensorType::new(input.shape.clone(), true)),
        (Layer::Pool(pool), [input, covariances @ ..]) => pool.infer(input, covariances),
        (Layer::GlobalMaxPool, [input]) => match &input.shape[..] {
            [batch, channels, spatial @ ..] if !spatial.is_empty() => {
                result([*batch, *channels].into_iter().chain(spatial.iter().map(|_| 1)).collect())
            }
            _ => Err(format!("needs an input with spatial dimensions, N×C×.., got {input}")),
        },
        (Layer::Flatten, [input]) => {
            let [batch, rest @ ..] = &input.shape[..] else {
                return Err(format!("needs an input with a batch dimension, got {input}"));
            };
            result(vec![*batch, rest.iter().product()])
        }
        (Layer::Softmax(method), [logits, covariance @ ..]) => {
            let shape = check_logits(*method, logits, covariance)?;
            Ok(TensorType::new(shape.to_vec(), false))
        }
        (Layer::Uncertainty(method), [logits, covariance @ ..]) => {
            let [batch, _] = check_logits(*method, logits, covariance)?;
            Ok(TensorType::new(vec![batch, UNCERTAINTIES], false))
        }
        (Layer::Decide(_), [probabilities, uncertainty]) => {
            let [batch, classes] = rank(probabilities)?;
            check_classes("probability", classes)?;
            if uncertainty.shape != [batch, UNCERTAINTIES] {
                return Err(format!(
                    "decides on {probabilities} with the uncertainty {uncertainty}; it must hold \
                     {UNCERTAINTIES} numbers for each item: total, aleatoric, epistemic"
                ));
            }
            Ok(TensorType::new(vec![batch], false))
        }
        (Layer::BinaryProbability, [logits]) => {
            let [_, _] = rank(logits)?;
            Ok(TensorType::new(logits.shape.clone(), false))
        }
        (Layer::BinaryUncertainty, [logits]) => {
            let [batch, labels] = rank(logits)?;
            Ok(TensorType::new(vec![batch, labels, UNCERTAINTIES], false))
        }
        (Layer::BinaryDecide(_), [probability, uncertainty]) => {
            let [batch, labels] = rank(probability)?;
            if uncertainty.shape != [batch, labels, UNCERTAINTIES] {
                return Err(format!(
                    "decides on {probability} with the uncertainty {uncertainty}; it must hold \
                     {UNCERTAINTIES} numbers for each label: total, aleatoric, epistemic"
                ));
            }
            Ok(TensorType::new(probability.shape.clone(), false))
        }
        (Layer::Interval(_), [input]) => {
            let shape = input.shape.iter().copied().chain([2]).collect();
            Ok(TensorType::new(shape, false))
        }
        (layer, operands) => {
            Err(format!("has {} operands, which {layer:?} does not take", operands.len()))
        }
    }
}

/// Builds nothing but types.
struct Types;

impl Build for Types {
    type Value = TensorType;

    fn ty(&self, value: &TensorType) -> TensorType {
        value.clone()
    }

    fn layer(&mut self, part: Part, operands: &[&TensorType]) -> Result<TensorType, String> {
        let operands: Vec<_> = operands.iter().map(|&operand| operand.clone()).collect();
        infer(&part.into(), &operands)
    }

    fn reshape(&mut self, value: &TensorType, shape: &[i64]) -> Result<TensorType, String> {
        let result = TensorType { shape: shape.to_vec(), ..*value };
        check_reshape(value, &result).map(|()| result)
    }

    fn zero(&mut self, rank: usize, gaussian: bool) -> TensorType {
        TensorType::new(vec![1; rank], gaussian)
    }
}

/// Checks that `gauss.reshape` keeps the elements.
///
/// # Errors
///
/// Where it does not.
pub fn check_reshape(input: &TensorType, result: &TensorType) -> Result<(), String> {
    check_sizes("operand 0", input)?;
    check_sizes("a result", result)?;
    if input.gaussian != result.gaussian {
        return Err(format!("turns {input} into {result}: both must be Gaussian or neither"));
    }
    let split = |shape: &[i64]| match shape {
        [DYNAMIC, rest @ ..] => (true, rest.iter().product::<i64>()),
        shape => (false, shape.iter().product()),
    };
    if split(&input.shape) != split(&result.shape) {
        return Err(format!("turns {input} into {result}, which has not the same elements"));
    }
    Ok(())
}

fn check_sizes(what: &str, operand: &TensorType) -> Result<(), String> {
    let mut elements = 1i64;
    for (dim, &size) in operand.shape.iter().enumerate() {
        match size {
            DYNAMIC if dim == 0 => {}
            DYNAMIC => {
                return Err(format!(
                    "has {what} of type {operand}: only the leading dimension, the \
                     batch, may be dynamic"
                ));
            }
            0 => {
                return Err(format!("has {what} of type {operand}: no size may be 0"));
            }
            size => elements = elements.checked_mul(size).unwrap_or(i64::MAX),
        }
    }
    if elements > MAX_ELEMENTS {
        return Err(format!("has {what} of type {operand}: more than 2^28 elements"));
    }
    Ok(())
}

fn rank<const N: usize>(ty: &TensorType) -> Result<[i64; N], String> {
    ty.shape.as_slice().try_into().map_err(|_| format!("needs a tensor of rank {N}, got {ty}"))
}

/// What is computed along classes needs two of them.
fn check_classes(what: &str, classes: i64) -> Result<(), String> {
    match classes {
        1 => Err(format!(
            "has 1 {what} for each item, but classes are told apart by 2 or more: one class is \
             always certain; for a binary label use gauss.binary_probability, \
             gauss.binary_uncertainty and gauss.binary_decide"
        )),
        _ => Ok(()),
    }
}

/// The most classes that are drawn with covariances: their matrices are factored in so many steps.
pub const MAX_FACTORED: i64 = 64;

/// Checks logits, and what is known of their covariances by their type or by a tensor of them; how many
/// items and classes there are.
fn check_logits(
    method: Method,
    logits: &TensorType,
    covariance: &[TensorType],
) -> Result<[i64; 2], String> {
    let [items, classes] = match logits.shape[..] {
        [items, nodes, classes] if logits.gaussian && mixture::rule(nodes).is_some() => {
            [items, classes]
        }
        _ => rank(logits)?,
    };
    check_classes("logit", classes)?;
    check_draws(method, classes)?;
    if let [covariance] = covariance
        && (!logits.gaussian || covariance.shape != [&logits.shape[..], &[classes]].concat())
    {
        return Err(format!("has {covariance} as the covariances of {logits}, which do not fit"));
    }
    let is_known = logits.has_covariance() || !covariance.is_empty();
    match method {
        Method::Sample(_) if is_known && classes > MAX_FACTORED => Err(format!(
            "draws {classes} classes with covariances; up to {MAX_FACTORED} are supported: gauss.marginals \
             leaves the covariances out"
        )),
        _ => Ok([items, classes]),
    }
}

/// The numbers that the logits are drawn with are constants of the compiled function.
fn check_draws(method: Method, classes: i64) -> Result<(), String> {
    match method {
        Method::Sample(Sampling { draws, .. }) if classes > MAX_DRAWN / i64::from(draws) => {
            Err(format!(
                "draws {classes} classes {draws} times; draws times classes must not be more than \
                 2^26, whose numbers take 256 MiB"
            ))
        }
        _ => Ok(()),
    }
}

fn check_bias(bias: &[TensorType], outputs: i64) -> Result<(), String> {
    match bias {
        [bias] if bias.shape != [outputs] => {
            Err(format!("has {outputs} outputs but the bias {bias}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        contraction::Convolution,
        recurrent::{Cell, Direction, Recurrent},
        window::SpatialAxis,
    };

    fn gaussian(shape: &[i64]) -> TensorType {
        TensorType::new(shape.to_vec(), true)
    }

    #[test]
    fn a_strided_padded_convolution_rounds_its_output_size_down() {
        let axes = vec![
            SpatialAxis { stride: 2, padding: [1, 2], dilation: 1 },
            SpatialAxis { stride: 3, padding: [0, 1], dilation: 2 },
        ];
        let result = infer(
            &Layer::Convolution(Convolution { axes, groups: 2 }),
            &[gaussian(&[DYNAMIC, 4, 9, 11]), gaussian(&[6, 2, 3, 3]), gaussian(&[6])],
        );
        assert_eq!(result.unwrap(), gaussian(&[DYNAMIC, 6, 5, 3]));
    }

    #[test]
    fn a_huge_shape_is_refused_before_its_size_overflows() {
        let message =
            infer(&Layer::Flatten, &[gaussian(&[1 << 30, 1 << 30, 1 << 30])]).unwrap_err();
        assert!(message.contains("2^28"), "{message}");
    }

    #[test]
    fn a_reshape_to_a_size_that_overflows_is_refused() {
        // 3·6148914691236517206 is 2 modulo 2^64.
        let result = check_reshape(&gaussian(&[2]), &gaussian(&[3, 6148914691236517206]));
        assert!(result.unwrap_err().contains("2^28"));
    }

    #[test]
    fn a_recurrent_layer_is_built_of_what_its_rule_says() {
        let recurrent = Recurrent {
            cell: Cell::Gru { linear_before_reset: true },
            direction: Direction::Bidirectional,
            onnx_gates: false,
        };
        let operands = [&[DYNAMIC, 5, 3][..], &[2, 12, 3], &[2, 12, 4], &[2, 12]].map(gaussian);
        assert_eq!(recurrent.infer(&operands), Ok(gaussian(&[DYNAMIC, 5, 8])));
        assert_eq!(recurrent.build(&mut Types, &operands), Ok(gaussian(&[DYNAMIC, 5, 8])));
        // Nor is it another type where the Gaussian weights are not used.
        let exact = |ty: &TensorType| TensorType { gaussian: false, ..ty.clone() };
        let [input, weight, recurrence, _] = &operands;
        let input = TensorType { shape: vec![DYNAMIC, 1, 3], ..exact(input) };
        let operands = [input, exact(weight), recurrence.clone()];
        assert_eq!(recurrent.infer(&operands), Ok(gaussian(&[DYNAMIC, 1, 8])));
        assert_eq!(recurrent.build(&mut Types, &operands), Ok(gaussian(&[DYNAMIC, 1, 8])));
    }
}

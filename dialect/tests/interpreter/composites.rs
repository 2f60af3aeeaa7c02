//! Normalisations, recurrent layers and attention, against their plain functions.

use std::slice;

use gauss_dialect::interpreter::Tensor;

use super::{assert_close, common::random, exact, gaussian, run};

/// The only result of an op on these operands, of this type.
#[track_caller]
fn of_op(op: &str, attributes: &str, operands: &[Tensor], result: &str) -> Tensor {
    let names: Vec<_> = (0..operands.len()).map(|number| format!("%a{number}")).collect();
    let types: Vec<_> = operands.iter().map(|operand| operand.ty().to_string()).collect();
    let arguments: Vec<_> =
        names.iter().zip(&types).map(|(name, ty)| format!("{name}: {ty}")).collect();
    let body = format!(
        "%y = gauss.{op} {} {attributes} : ({}) -> {result}
         return %y : {result}",
        names.join(", "),
        types.join(", ")
    );
    run(&format!("({}) -> {result}", arguments.join(", ")), &body, operands)
}

/// Without variances, and with variances of 0.
fn exact_and_certain(tensor: &Tensor) -> [Tensor; 2] {
    let plain = Tensor { variance: None, ..tensor.clone() };
    let certain = Tensor { variance: Some(vec![0.0; tensor.mean.len()]), ..tensor.clone() };
    [plain, certain]
}

#[test]
fn normalisations_without_variance_are_the_plain_functions() {
    let x = random(&[2, 6, 4], false, 3);
    let spread = |values: &[f64], is_centred: bool| {
        let n = values.len() as f64;
        let mean = if is_centred { values.iter().sum::<f64>() / n } else { 0.0 };
        let square = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        values.iter().map(|x| (x - mean) / (square + 1e-5).sqrt()).collect::<Vec<_>>()
    };
    for (op, attributes, size, is_centred) in [
        ("layer_norm", "", 4, true),
        ("layer_norm", "dimensions 2", 24, true),
        ("rms_norm", "", 4, false),
        ("group_norm", "groups 3", 8, true),
        ("instance_norm", "", 4, true),
    ] {
        let parts = x.mean.chunks(size).flat_map(|part| spread(part, is_centred));
        let expected: Vec<_> = parts.collect();
        for x in exact_and_certain(&x) {
            let actual = of_op(op, attributes, slice::from_ref(&x), &x.ty().to_string());
            for (actual, expected) in actual.mean.iter().zip(&expected) {
                assert!((actual - expected).abs() < 1e-12, "{op}: {actual}, {expected}");
            }
            assert!(actual.variance.is_none_or(|variance| variance.iter().all(|v| *v == 0.0)));
        }
    }
}

#[test]
fn a_gamma_and_a_beta_for_each_channel() {
    let x = exact(&[1, 2, 2], &[1.0, 3.0, 10.0, 30.0]);
    let gamma = gaussian(&[2], &[2.0, 3.0], &[0.5, 0.25]);
    let beta = exact(&[2], &[100.0, 200.0]);
    let result = "!gauss.tensor<1x2x2xf32>";
    let actual = of_op("instance_norm", "epsilon 0.0", &[x, gamma, beta], result);
    let expected = gaussian(&[1, 2, 2], &[98.0, 102.0, 197.0, 203.0], &[0.5, 0.5, 0.25, 0.25]);
    assert_close(&actual, &expected, 1e-12);
}

#[test]
fn normalised_moments_are_numbers_at_any_proportion() {
    for exponent in -6..=6 {
        let sigma = 10f64.powi(exponent);
        let mean = [1e3, 1e3 + 1e-3, 1e3 - 1e-3, 1e3];
        for (op, variance) in
            [("layer_norm", [sigma * sigma; 4]), ("rms_norm", [0.0, sigma, 0.0, 1e-30])]
        {
            let x = gaussian(&[1, 4], &mean, &variance);
            let result = of_op(op, "epsilon 0.0", slice::from_ref(&x), &x.ty().to_string());
            let variance = result.variance.unwrap();
            assert!(
                result.mean.iter().all(|mean| mean.is_finite() && mean.abs() < 4.0),
                "{op} {sigma}"
            );
            assert!(variance.iter().all(|v| (0.0..4.0).contains(v)), "{op} {sigma} {variance:?}");
        }
    }
}

#[test]
fn a_blend_is_a_weighted_mean() {
    let z = gaussian(&[1, 2], &[0.25, 1.0], &[0.5, 0.0]);
    let x = gaussian(&[1, 2], &[4.0, 7.0], &[2.0, 3.0]);
    let y = gaussian(&[1, 1], &[-2.0], &[1.0]);
    let actual = of_op("blend", "", &[z, x, y], "!gauss.tensor<1x2xf32>");
    // 0.25·4 − 0.75·2; 0.5·36 + 2·(0.0625 + 0.5) + 1·(0.5625 + 0.5).
    let expected = gaussian(&[1, 2], &[-0.5, 7.0], &[18.0 + 1.125 + 1.0625, 3.0]);
    assert_close(&actual, &expected, 1e-14);
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A recurrent layer on plain numbers, gate by gate as PyTorch's manual has them.
fn recurrent(
    op: &str,
    operands: &[Tensor],
    steps: usize,
    hidden: usize,
    is_linear: bool,
) -> Vec<f64> {
    let [x, w, r, b, rb] = [0, 1, 2, 3, 4].map(|number| &operands[number].mean);
    let features = x.len() / steps;
    let mut state = vec![0.0; hidden];
    let mut cell = vec![0.0; hidden];
    let mut results = vec![];
    for step in 0..steps {
        let row = |weight: &[f64], row: usize, input: &[f64]| -> f64 {
            let weights = &weight[row * input.len()..];
            weights.iter().zip(input).map(|(w, x)| w * x).sum()
        };
        let input = &x[step * features..(step + 1) * features];
        let of_input =
            |gate: usize, i: usize| row(w, gate * hidden + i, input) + b[gate * hidden + i];
        let of_state = |gate: usize, i: usize, state: &[f64]| {
            row(r, gate * hidden + i, state) + rb[gate * hidden + i]
        };
        let gate = |gate: usize, i: usize| sigmoid(of_input(gate, i) + of_state(gate, i, &state));
        let next: Vec<_> = (0..hidden)
            .map(|i| match op {
                "lstm" => {
                    let new = (of_input(2, i) + of_state(2, i, &state)).tanh();
                    cell[i] = gate(1, i) * cell[i] + gate(0, i) * new;
                    gate(3, i) * cell[i].tanh()
                }
                _ => {
                    let reset: Vec<_> = (0..hidden).map(|j| gate(0, j) * state[j]).collect();
                    let from_state = match is_linear {
                        true => gate(0, i) * of_state(2, i, &state),
                        false => of_state(2, i, &reset),
                    };
                    let new = (of_input(2, i) + from_state).tanh();
                    (1.0 - gate(1, i)) * new + gate(1, i) * state[i]
                }
            })
            .collect();
        state = next;
        results.extend(&state);
    }
    results
}

/// Rows of a parameter in another order of its gates.
fn reordered(parameter: &Tensor, order: &[usize]) -> Tensor {
    let size = parameter.mean.len() / order.len();
    let mean =
        order.iter().flat_map(|&gate| parameter.mean[gate * size..(gate + 1) * size].to_vec());
    Tensor { mean: mean.collect(), ..parameter.clone() }
}

#[test]
fn recurrent_layers_without_variance_are_the_plain_functions() {
    let (steps, features, hidden) = (4, 3, 2);
    for (op, gates, onnx, order, is_linear) in [
        ("lstm", 4, "iofc", &[0, 3, 1, 2][..], true),
        ("gru", 3, "zrh", &[1, 0, 2], true),
        ("gru", 3, "zrh", &[1, 0, 2], false),
    ] {
        let shapes = [
            vec![1, steps, features],
            vec![1, gates * hidden, features],
            vec![1, gates * hidden, hidden],
            vec![1, gates * hidden],
            vec![1, gates * hidden],
        ];
        let operands: Vec<_> = shapes
            .iter()
            .enumerate()
            .map(|(seed, shape)| random(shape, false, seed as u64))
            .collect();
        let expected =
            exact(&[1, steps, hidden], &recurrent(op, &operands, steps, hidden, is_linear));
        let flag =
            if op == "gru" { format!("linear_before_reset {is_linear}") } else { String::new() };
        let ty = format!("tensor<1x{steps}x{hidden}xf32>");
        assert_close(&of_op(op, &flag, &operands, &ty), &expected, 1e-12);

        let mut of_onnx = vec![operands[0].clone()];
        of_onnx.extend(operands[1..].iter().map(|parameter| reordered(parameter, order)));
        let attributes = format!("gates \"{onnx}\" {flag}");
        assert_close(&of_op(op, &attributes, &of_onnx, &ty), &expected, 1e-12);

        // Backwards the first step is the last, and both ways the results stand behind each other.
        let turn =
            |values: &[f64], size: usize| values.chunks(size).rev().flatten().copied().collect();
        let mut turned = operands.clone();
        turned[0].mean = turn(&operands[0].mean, features);
        let backwards = recurrent(op, &turned, steps, hidden, is_linear);
        let backwards: Vec<f64> = turn(&backwards, hidden);
        let both = expected.mean.chunks(hidden).zip(backwards.chunks(hidden));
        let both: Vec<_> = both.flat_map(|(x, y)| [x, y].concat()).collect();
        let reverse = of_op(op, &format!("direction \"reverse\" {flag}"), &operands, &ty);
        assert_close(&reverse, &exact(&[1, steps, hidden], &backwards), 1e-12);
        let twice = |x: &Tensor| {
            let shape: Vec<_> = [2].into_iter().chain(x.shape[1..].iter().copied()).collect();
            exact(&shape, &x.mean.repeat(2))
        };
        let mut doubled = vec![operands[0].clone()];
        doubled.extend(operands[1..].iter().map(twice));
        let ty = format!("tensor<1x{steps}x{}xf32>", 2 * hidden);
        let bidirectional =
            of_op(op, &format!("direction \"bidirectional\" {flag}"), &doubled, &ty);
        assert_close(&bidirectional, &exact(&[1, steps, 2 * hidden], &both), 1e-12);
    }
}

#[test]
fn attention_without_variance_is_the_plain_function() {
    let (rows, columns, depth, width) = (3, 5, 4, 2);
    let (q, k) = (random(&[1, rows, depth], false, 1), random(&[1, columns, depth], false, 2));
    let v = random(&[1, columns, width], false, 3);
    for causal in [false, true] {
        let mut expected = vec![];
        for i in 0..rows {
            let seen = if causal { i + columns - rows + 1 } else { columns };
            let dot = |j: usize| -> f64 {
                (0..depth).map(|d| q.mean[i * depth + d] * k.mean[j * depth + d]).sum()
            };
            let powers: Vec<_> = (0..seen).map(|j| (dot(j) / 2.0).exp()).collect();
            let sum: f64 = powers.iter().sum();
            for d in 0..width {
                let terms = powers.iter().enumerate().map(|(j, p)| p / sum * v.mean[j * width + d]);
                expected.push(terms.sum());
            }
        }
        let expected = exact(&[1, rows, width], &expected);
        let attributes = format!("causal {causal}");
        let operands = [q.clone(), k.clone(), v.clone()];
        let plain = of_op("attention", &attributes, &operands, &expected.ty().to_string());
        assert_close(&plain, &expected, 1e-12);
        let certain = operands.map(|x| exact_and_certain(&x)[1].clone());
        let ty = format!("!gauss.{}", expected.ty());
        let certain = of_op("attention", &attributes, &certain, &ty);
        for (actual, expected) in certain.mean.iter().zip(&expected.mean) {
            assert!((actual - expected).abs() < 1e-9, "{actual}, {expected}");
        }
        assert!(certain.variance.unwrap().iter().all(|v| (0.0..1e-12).contains(v)));
    }
}

#[test]
fn weights_of_an_attention_are_numbers_at_any_deviation() {
    for sigma in [0.0, 1e-6, 1.0, 1e3, 1e6, 1e12] {
        for spread in [0.0, 1.0, 1e6] {
            let mean = [0.0, spread, -spread, 2.0 * spread, 0.5];
            let variance = [sigma * sigma, sigma, 0.0, sigma * sigma, 1.0];
            let x = gaussian(&[1, 5], &mean, &variance);
            let result = of_op("attention_weights", "", slice::from_ref(&x), &x.ty().to_string());
            let sum: f64 = result.mean.iter().sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sigma} {spread}: {:?}", result.mean);
            let variance = result.variance.unwrap();
            assert!(
                variance.iter().all(|v| (0.0..1.0).contains(v)),
                "{sigma} {spread}: {variance:?}"
            );
        }
    }
    // A row that sees one element alone is sure of it.
    let x = gaussian(&[2, 2], &[1.0, 2.0, 3.0, 4.0], &[1e4; 4]);
    let result =
        of_op("attention_weights", "causal true", slice::from_ref(&x), &x.ty().to_string());
    assert_eq!((result.mean[0], result.mean[1]), (1.0, 0.0));
    assert_eq!(result.variance.unwrap()[..2], [0.0, 0.0]);
}

//! Where training starts, and what it writes.

use gauss_dialect::parameters::ParameterSource;
use miette::Diagnostic;
use pfp_compiler::{array::Array, error::Error, parameters::Safetensors};
use pfp_train::{
    gradient::{NOISE, Parameter},
    layout::spans,
    posterior,
    start::{Named, Scale, Start, Started, start},
};

fn parameter(name: &str, shape: &[usize], gaussian: bool) -> Parameter {
    Parameter { name: name.into(), shape: shape.to_vec(), gaussian, trainable: true }
}

fn network() -> Vec<Parameter> {
    vec![
        parameter("conv.weight", &[32, 16, 5, 5], true),
        parameter("conv.bias", &[32], true),
        parameter("norm.weight", &[32], false),
        parameter("norm.running_var", &[32], false),
        parameter(NOISE, &[], false),
    ]
}

fn array(shape: &[usize], value: f32) -> Array {
    Array { shape: shape.to_vec(), values: vec![value; shape.iter().product()] }
}

fn from(arrays: Vec<(&str, Array)>, parameters: &[Parameter]) -> Result<Started, Error> {
    let arrays = arrays.into_iter().map(|(name, array)| (name.to_owned(), array)).collect();
    start(&Start::Named(named(arrays)), parameters, 0.05, 0)
}

/// A parameter file.
fn named(arrays: Vec<(String, Array)>) -> Named {
    Named { source: "file".into(), arrays, in_order: false, with_variances: true }
}

#[test]
fn random_weights_have_the_deviation_of_their_fan_in() {
    let parameters = network();
    for (scale, variance) in [(Scale::He, 2.0 / 400.0), (Scale::Glorot, 2.0 / (400.0 + 800.0))] {
        let Started { values, notes } = start(&Start::Random(scale), &parameters, 0.05, 3).unwrap();
        let weights = &values.mean[..12_800];
        let square = weights.iter().map(|w| f64::from(w * w)).sum::<f64>() / 12_800.0;
        assert!((square / variance - 1.0).abs() < 0.05, "{square} {variance}");
        assert!(values.mean[12_800..12_832].iter().all(|&bias| bias == 0.0));
        assert!(values.mean[12_832..12_896].iter().all(|&scale| scale == 1.0));
        assert_eq!(values.mean.len(), 12_897);
        // 0.05 / sqrt(400), of the bias too.
        let expected = 0.0025f32 * 0.0025;
        assert!(values.variance.iter().all(|v| (v / expected - 1.0).abs() < 1e-5));
        assert_eq!((values.variance.len(), notes.len()), (12_832, 0));
    }
    let of = |seed| start(&Start::Random(Scale::He), &parameters, 0.05, seed).unwrap().values;
    assert!(of(1) == of(1) && of(1) != of(2));
}

#[test]
fn a_file_gives_means_and_variances_or_means_only() {
    let parameters = [parameter("a.weight", &[2, 4], true), parameter("b", &[2], true)];
    let started = from(
        vec![
            ("a.weight", array(&[2, 4], 3.0)),
            ("b.mean", array(&[2], 5.0)),
            ("b.var", array(&[2], 0.25)),
        ],
        &parameters,
    );
    let Started { values, notes } = started.unwrap();
    assert_eq!(values.mean, [[3.0; 8].as_slice(), &[5.0; 2]].concat());
    assert!(values.variance[..8].iter().all(|v| (v - 0.025f32 * 0.025).abs() < 1e-9));
    assert_eq!(values.variance[8..], [0.25; 2]);
    assert!(notes[0].contains("file has no variances for 'a.weight'"), "{notes:?}");
}

#[test]
fn a_network_of_other_names_is_taken_in_order_where_all_shapes_agree() {
    let parameters = [parameter("a.weight", &[2, 4], true), parameter("b", &[2], false)];
    let from = |in_order: bool, reversed: bool| {
        let mut arrays = vec![
            ("onnx::1".to_owned(), array(&[2, 4], 3.0)),
            ("onnx::2".to_owned(), array(&[2], 5.0)),
        ];
        if reversed {
            arrays.reverse();
        }
        let named = Named { in_order, ..named(arrays) };
        start(&Start::Named(named), &parameters, 0.05, 0)
    };
    let Started { values, notes } = from(true, false).unwrap();
    assert_eq!(values.mean, [[3.0; 8].as_slice(), &[5.0; 2]].concat());
    assert!(notes[0].contains("taken in order"));
    assert!(from(true, true).is_err());
    // What is sorted by names has no order of a network.
    let text = from(false, false).unwrap_err().to_string();
    assert!(text.contains("it has no values for 'a.weight', 'b'"), "{text}");
    assert!(text.contains("the network has no parameters for 'onnx::1', 'onnx::2'"), "{text}");
}

#[test]
fn what_a_file_has_beside_the_network_is_told() {
    let parameters = [parameter("a", &[2], true)];
    let arrays =
        vec![("a", array(&[2], 3.0)), ("a.var", array(&[2], 0.5)), ("b.mean", array(&[2], 1.0))];
    let Started { values, notes } = from(arrays, &parameters).unwrap();
    assert_eq!((values.mean, values.variance), (vec![3.0; 2], vec![0.5; 2]));
    assert_eq!(notes, ["file has more than the network: 'b.mean' is not used"]);
}

#[test]
fn variances_of_a_file_may_be_left() {
    let parameters = [parameter("a", &[2, 4], true)];
    let arrays =
        vec![("a.mean".to_owned(), array(&[2, 4], 3.0)), ("a.var".to_owned(), array(&[2, 4], 0.5))];
    let named = Named { with_variances: false, ..named(arrays) };
    let Started { values, notes } = start(&Start::Named(named), &parameters, 0.05, 0).unwrap();
    assert!(values.variance.iter().all(|v| (v - 0.025f32 * 0.025).abs() < 1e-9));
    assert!(notes.len() == 1 && notes[0].contains("gives only the means of 'a'"), "{notes:?}");
}

#[test]
fn a_posterior_knows_the_noise_that_was_learned_with_it() {
    let metadata = |text: &str| [(posterior::METADATA.to_owned(), text.to_owned())].into();
    let noise = posterior::noise_of(&metadata(r#"{"noise_variance": [0.25, 4.0]}"#));
    let Ok(Some(Array { shape, values })) = noise else { panic!("{noise:?}") };
    assert_eq!((shape, values), (vec![2], vec![0.25f32.ln(), 4f32.ln()]));
    assert_eq!(posterior::noise_of(&metadata("{}")), Ok(None));
    assert!(posterior::noise_of(&metadata(r#"{"noise_variance": [-1]}"#)).is_err());
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_all_that_is_wrong() {
    let parameters = [parameter("a.weight", &[2, 4], true), parameter("b", &[2], true)];
    let error = from(vec![("a.weight.mean", array(&[4, 2], 1.0))], &parameters).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("'a.weight.mean' has the shape [4, 2], the network has [2, 4]"),
        "{text}"
    );
    assert!(text.contains("it has no values for 'b'"), "{text}");
    assert!(error.help().unwrap().to_string().contains("found by their names"));
    let bad = |mean: f32, variance: f32| {
        let arrays = vec![("b.mean", array(&[2], mean)), ("b.var", array(&[2], variance))];
        from(arrays, &parameters[1..]).unwrap_err().to_string()
    };
    assert!(bad(f32::NAN, 1.0).contains("'b' has the value NaN"));
    assert!(bad(0.0, -1.0).contains("'b' has the variance -1"));
}

#[test]
fn what_is_written_is_what_a_run_starts_from() {
    let parameters = network();
    let spans = spans(&parameters);
    let mut values = start(&Start::Random(Scale::He), &parameters, 0.05, 3).unwrap().values;
    values.mean[12_896] = 0.25f32.ln();
    let made = serde_json::json!({ "seed": 3 });
    let bytes = posterior::bytes(&values, &parameters, &spans, &made).unwrap();
    let file = Safetensors::from_bytes("posterior.safetensors", bytes).unwrap();
    let names = [
        "conv.bias.mean",
        "conv.bias.var",
        "conv.weight.mean",
        "conv.weight.var",
        "norm.running_var",
    ];
    assert_eq!(file.tensors()[..5], names);
    assert_eq!(file.tensors().len(), 6);
    assert_eq!(file.metadata()[posterior::METADATA], r#"{"seed":3}"#);
    let noise = posterior::learned_noise(&values, &parameters, &spans);
    assert!(matches!(noise[..], [noise] if (noise - 0.25).abs() < 1e-6), "{noise:?}");
    let arrays = file.arrays().unwrap();
    let again = start(&Start::Named(named(arrays)), &parameters, 0.05, 0).unwrap();
    values.mean[12_896] = 0.0;
    assert_eq!(again.values, values);
    assert!(again.notes.is_empty());
}

//! `pfp eval` on the two published networks and the whole test sets of MNIST and Fashion-MNIST,
//! against what their posteriors give elsewhere.

use std::{collections::BTreeMap, fs, path::Path};

use gauss_lowering::mode::Mode;
use pfp_compiler::{diagnostics::Source, parameters::Safetensors};
use pfp_evaluate::{
    answers::Score,
    data::{Preparation, parse_normalize},
    device::Host,
    eval::{
        Evaluation, Request, Role, evaluate,
        verdict::{Conclusion, Measure},
    },
    watch::Silent,
};
use safetensors::{SafeTensors, tensor::TensorView};

use crate::common::absent::shared_data;

fn evaluation(
    data: &Path,
    network: &str,
    parameters: &Path,
    modes: &[Mode],
    logit_draws: u32,
) -> Evaluation {
    let data = data.display();
    let outside = format!("{data}/fashion-mnist/t10k@name=fashion@normalize=0.2860,0.3530");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let module = root.join(format!("test/models/{network}.mlir"));
    let source = Source::as_written(network, fs::read(&module).unwrap());
    let request = Request {
        module,
        parameters: Some(parameters.to_owned()),
        function: None,
        sets: vec![
            (Role::InDomain, format!("{data}/mnist/t10k@name=mnist").parse().unwrap()),
            (Role::OutOfDomain, outside.parse().unwrap()),
        ],
        preparation: Preparation {
            scale: Some("1/255".parse().unwrap()),
            normalize: Some(parse_normalize("0.1307,0.3081").unwrap()),
        },
        modes: modes.to_vec(),
        batch: None,
        logit_draws,
        seed: 0,
        bins: 15,
        threads: 2,
        latency: Some(vec![]),
    };
    let parameters = request.parameters.as_deref().map(Safetensors::open).transpose();
    let host = Host::new(Vec::new()).unwrap();
    let evaluated =
        parameters.and_then(|given| evaluate(&request, (&source, given), &host, &Silent));
    let (evaluation, sets) = evaluated.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(sets.iter().map(|set| set.len()).collect::<Vec<_>>(), [10_000; 2]);
    evaluation
}

/// Checks the accuracy in per cent in the mode of this place.
#[track_caller]
fn accuracy(evaluation: &Evaluation, mode: usize, expected: f64, margin: f64) {
    let classification = evaluation.modes[mode].sets[0].classification.as_ref().unwrap();
    let actual = 100.0 * classification.accuracy;
    assert!((actual - expected).abs() <= margin, "accuracy {actual}, not {expected} ± {margin}");
}

/// Checks how well a score tells Fashion-MNIST from MNIST.
#[track_caller]
fn auroc(evaluation: &Evaluation, mode: usize, score: Score, expected: f64, margin: f64) {
    let detection = &evaluation.modes[mode].detection;
    let actual = detection.iter().find(|detection| detection.score == score).unwrap().auroc;
    assert!((actual - expected).abs() <= margin, "{score:?} {actual}, not {expected} ± {margin}");
}

#[test]
fn lenet_tells_fashion_from_digits() {
    let Some(data) = shared_data() else { return };
    let parameters = data.join("models/lenet_dirty_mnist_softplus.safetensors");
    let modes = ["moments", "sample:30"].map(|mode| mode.parse().unwrap());
    let evaluation = evaluation(&data, "lenet", &parameters, &modes, 100);
    accuracy(&evaluation, 0, 98.95, 0.01);
    auroc(&evaluation, 0, Score::Variance, 0.993, 0.002);
    auroc(&evaluation, 0, Score::MutualInformation, 0.994, 0.002);
    auroc(&evaluation, 0, Score::PredictiveEntropy, 0.991, 0.002);
    accuracy(&evaluation, 1, 98.94, 0.15);
    auroc(&evaluation, 1, Score::Variance, 0.993, 0.004);
    // In domain the closed form keeps most of the variance of the logits, out of domain it loses much.
    let [mnist, fashion] = &evaluation.verdict.sets[..] else { panic!("two sets") };
    assert_eq!(mnist.conclusion, Conclusion::Close, "{mnist:#?}");
    assert_eq!(fashion.conclusion, Conclusion::Different, "{fashion:#?}");
    for (set, ratios) in [(mnist, 0.87..=0.95), (fashion, 0.39..=0.71)] {
        let variance = set.measures.iter().find(|judged| judged.measure == Measure::Variance);
        let ratio = variance.unwrap().difference.exp();
        assert!(ratios.contains(&ratio), "{ratio}: {set:#?}");
    }
    assert!(evaluation.verdict.answer.starts_with("In part: on mnist"), "{:?}", evaluation.verdict);
}

/// The mutual information of most digits is below what one draw in a thousand shows.
#[test]
fn the_mlp_needs_many_draws_to_rank_what_it_is_sure_of() {
    let Some(data) = shared_data() else { return };
    let parameters = data.join("models/mlp_dirty_mnist_softplus.safetensors");
    let evaluation = evaluation(&data, "mlp", &parameters, &[Mode::Moments], 2000);
    accuracy(&evaluation, 0, 97.32, 0.01);
    auroc(&evaluation, 0, Score::MutualInformation, 0.845, 0.005);
}

#[test]
fn lenet_with_the_variances_that_the_paper_used() {
    let Some(data) = shared_data() else { return };
    let directory = tempfile::tempdir().unwrap();
    let scaled = directory.path().join("lenet.safetensors");
    fs::write(&scaled, scale_variances(&data.join("models/lenet_dirty_mnist.safetensors"), 0.7))
        .unwrap();
    let evaluation = evaluation(&data, "lenet", &scaled, &[Mode::Moments], 30);
    accuracy(&evaluation, 0, 98.05, 0.05);
    auroc(&evaluation, 0, Score::Variance, 0.985, 0.002);
}

/// A parameter file with every variance multiplied.
fn scale_variances(path: &Path, factor: f64) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let scale = |view: &TensorView, factor: f64| -> Vec<u8> {
        let (values, _) = view.data().as_chunks::<4>();
        let scaled = values.iter().map(|value| f64::from(f32::from_le_bytes(*value)) * factor);
        scaled.flat_map(|value| (value as f32).to_le_bytes()).collect()
    };
    let tensors: BTreeMap<_, _> = file
        .iter()
        .map(|(name, view)| {
            let factor = if name.ends_with(".var") { factor } else { 1.0 };
            (name, (view.dtype(), view.shape().to_vec(), scale(&view, factor)))
        })
        .collect();
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (*name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

//! The two published networks on the whole test sets of MNIST and Fashion-MNIST.

use std::{fs, io::Read, path::Path};

use flate2::read::GzDecoder;
use gauss_lowering::target::Target;
use pfp_compiler::{
    compile::Network, diagnostics::Source, jit::CompiledModel, module::Session,
    parameters::Safetensors,
};

use crate::common::absent::shared_data;

const BATCH: usize = 100;
const PIXELS: usize = 28 * 28;
const CLASSES: usize = 10;

fn gunzip(path: &Path, header: usize) -> Vec<u8> {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes.split_off(header)
}

/// Mean and variance of the logits of every image of a set.
fn evaluate(model: &CompiledModel, images: &[u8], mean: f64, deviation: f64) -> Vec<Vec<f32>> {
    let mut logits = vec![vec![], vec![]];
    for batch in images.chunks_exact(BATCH * PIXELS) {
        let normalise = |&pixel: &u8| ((f64::from(pixel) / 255.0 - mean) / deviation) as f32;
        let input: Vec<f32> = batch.iter().map(normalise).collect();
        for (all, part) in logits.iter_mut().zip(model.run(&[&input]).unwrap()) {
            all.extend(part);
        }
    }
    logits
}

/// The probability that a random member of `positive` scores higher than a
/// random member of `negative`.
fn auroc(negative: &[f64], positive: &[f64]) -> f64 {
    let labelled = negative.iter().map(|&s| (s, false)).chain(positive.iter().map(|&s| (s, true)));
    let mut scores: Vec<_> = labelled.collect();
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = 0.0;
    let mut start = 0;
    while start < scores.len() {
        let ties = scores[start..].iter().take_while(|s| s.0 == scores[start].0).count();
        let positives = scores[start..start + ties].iter().filter(|s| s.1).count();
        ranks += positives as f64 * (start as f64 + (ties as f64 + 1.0) / 2.0);
        start += ties;
    }
    let (p, n) = (positive.len() as f64, negative.len() as f64);
    (ranks - p * (p + 1.0) / 2.0) / (p * n)
}

fn mean_variance(logits: &[Vec<f32>]) -> Vec<f64> {
    logits[1]
        .chunks_exact(CLASSES)
        .map(|v| v.iter().map(|&v| f64::from(v)).sum::<f64>() / CLASSES as f64)
        .collect()
}

#[test]
fn accuracy_and_out_of_domain_detection_are_those_of_the_reference() {
    let Some(data) = shared_data() else { return };
    let mnist = gunzip(&data.join("mnist/t10k-images-idx3-ubyte.gz"), 16);
    let labels = gunzip(&data.join("mnist/t10k-labels-idx1-ubyte.gz"), 8);
    let fashion = gunzip(&data.join("fashion-mnist/t10k-images-idx3-ubyte.gz"), 16);
    for (network, accuracy, detection) in [("mlp", 0.9732, 0.394), ("lenet", 0.9895, 0.993)] {
        let file = format!("{}/../test/models/{network}.mlir", env!("CARGO_MANIFEST_DIR"));
        let source = Source::as_written(network, fs::read_to_string(&file).unwrap());
        let file = data.join(format!("models/{network}_dirty_mnist_softplus.safetensors"));
        let parameters = Safetensors::open(&file).unwrap();
        let session = Session::new();
        let opened =
            Network::open(&session, &source, Some(&parameters), Some(BATCH as i64)).unwrap();
        let function = opened.function(None).unwrap();
        let compiled =
            opened.compile(function, &Target::host(), &Default::default(), &|_| {}).unwrap();
        let model = CompiledModel::new(&compiled).unwrap();
        let inside = evaluate(&model, &mnist, 0.1307, 0.3081);
        let outside = evaluate(&model, &fashion, 0.2860, 0.3530);
        let correct = inside[0]
            .chunks_exact(CLASSES)
            .zip(&labels)
            .filter(|(logits, label)| {
                let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                best.map(|(class, _)| class) == Some(usize::from(**label))
            })
            .count();
        let measured = correct as f64 / labels.len() as f64;
        let area = auroc(&mean_variance(&inside), &mean_variance(&outside));
        println!("{network}: accuracy {measured:.4}, AUROC of the mean variance {area:.4}");
        assert!((measured - accuracy).abs() <= 0.001, "{network}: accuracy {measured}");
        assert!((area - detection).abs() <= 0.001, "{network}: AUROC {area}");
    }
}

//! Calibration of the published LeNet, its scales read as log variances, on MNIST's test set.

use std::{fs, path::Path};

use pfp_compiler::{
    array::Array, compile::Network, diagnostics::Source, module::Session, parameters::Safetensors,
};
use pfp_evaluate::{
    answers::Draws,
    batches::Items,
    calibrate::{
        Labelled, Settings, Variances, adjustable::Adjustable, calibrate, conformal::Conformal,
        reject::Goal, rewrite,
    },
    data::Preparation,
    eval::{DataSet, Role, Spec},
    reference::Reference,
    watch::Silent,
};

use crate::common::absent::shared_data;

/// Enough held out for a coverage to be known to 1 %.
const ITEMS: usize = 3000;

#[test]
fn lenet_gains_and_its_prediction_sets_cover_as_stated() {
    let Some(data) = shared_data() else { return };
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test/models/lenet.mlir");
    let source = Source::as_written("lenet", fs::read_to_string(module).unwrap());
    let parameters = Safetensors::open(&data.join("models/lenet_dirty_mnist.safetensors")).unwrap();
    let model = Adjustable::new(&source, &parameters, None, None).unwrap();

    let spec = Spec { path: data.join("mnist/t10k").to_str().unwrap().into(), ..Spec::default() };
    let preparation =
        Preparation { scale: Some("1/255".parse().unwrap()), normalize: Some((0.1307, 0.3081)) };
    let set = DataSet::open(&spec, Role::InDomain, &preparation, model.signature(), 10).unwrap();
    let (values, classes) = (set.prepared(0..ITEMS).unwrap(), set.set.labels[..ITEMS].to_vec());
    let arrays = [Array { shape: vec![ITEMS, 784], values }];
    let items = || Items::new(model.signature(), &arrays).unwrap();
    let settings = Settings {
        draws: Draws { count: 200, seed: 1 },
        fit_share: 0.1,
        variances: Variances::One,
        temperature: true,
        goal: Goal::Coverage(0.95),
        conformal: 0.9,
    };
    let labelled = Labelled { items: items(), labels: classes.clone(), out_of_domain: None };
    let found = calibrate(&model, String::new(), &labelled, &settings, &Silent).unwrap();
    println!("{found:#?}");
    let held_out = found.held_out;
    assert!(held_out.after.nll < 0.5 * held_out.before.nll, "{held_out:?}");
    assert!(held_out.after.accuracy >= held_out.before.accuracy, "{held_out:?}");
    assert!((found.thresholds.coverage - 0.95).abs() < 0.01, "{:?}", found.thresholds);

    let factors: Vec<_> = found.layers.iter().map(|layer| layer.factor).collect();
    let logits = model.run(&items(), &factors).unwrap();
    let predictions = logits.predict(found.temperature.value, settings.draws);
    let all: Vec<_> = (0..ITEMS).collect();
    for coverage in [0.8, 0.9, 0.95] {
        let check = Conformal::check(&predictions, &classes, &all, coverage, 20).unwrap();
        let check = check.unwrap();
        println!("{coverage}: {check:?}");
        assert!((check.coverage - coverage).abs() <= 0.01, "{coverage}: {check:?}");
    }

    // The file that is written gives the logits that were judged.
    let written = rewrite::rewrite(&parameters, &found, model.last().unwrap()).unwrap();
    let written = Safetensors::from_bytes("calibrated", written).unwrap();
    let read = rewrite::read(&written).unwrap().unwrap();
    // JSON may lose the last bit of a number.
    assert!((read.variance_factor / found.variance_factor - 1.0).abs() < 1e-12);
    assert_eq!(read.layers.len(), found.layers.len());
    let session = Session::new();
    let network = Network::open(&session, &source, Some(&written), Some(4)).unwrap();
    let function = network.function(None).unwrap();
    let few = items().first(4);
    let reference = Reference::new(&network, function).unwrap().run(&few, &|_| ()).unwrap();
    let temperature = found.temperature.value;
    for (index, (mean, variance)) in
        reference[0].mean.iter().zip(reference[0].variance.as_ref().unwrap()).enumerate()
    {
        let judged = f64::from(logits.mean[index]) / temperature;
        assert!((judged - mean).abs() <= 1e-4 * variance.sqrt().max(mean.abs()), "{judged} {mean}");
        let judged = f64::from(logits.variance[index]) / temperature.powi(2);
        assert!((judged - variance).abs() <= 1e-4 * variance, "{judged} {variance}");
    }
}

//! Posteriors that the frameworks themselves saved, compared with the moments that they state
//! (`test/import/make_posteriors.py`).

#[path = "../../dialect/tests/common/absent.rs"]
mod absent;

use std::{collections::BTreeMap, fs, path::PathBuf};

use absent::shared_data;
use pfp_import::posterior::{
    Entry, Framework, Ordered, Posterior, Request,
    layout::{Layout, Reader},
    place::{Map, Parameter, Wishes, place},
    representation::SOFTPLUS,
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::Value;

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../test/import/files").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(framework: &str, name: &str, request: &Request) -> Result<Posterior, String> {
    let framework: Framework = framework.parse().unwrap();
    framework.read(&file(name), request)
}

fn plain(framework: &str, name: &str) -> Posterior {
    read(framework, name, &Request::default()).unwrap()
}

/// Mean and variance of a parameter, with the sizes that the nesting of lists has.
struct Expected {
    shape: Vec<usize>,
    mean: Vec<f64>,
    variance: Option<Vec<f64>>,
}

fn flattened(value: &Value, shape: &mut Vec<usize>, depth: usize) -> Vec<f64> {
    let Some(items) = value.as_array() else { return vec![value.as_f64().unwrap()] };
    if shape.len() == depth {
        shape.push(items.len());
    }
    items.iter().flat_map(|item| flattened(item, shape, depth + 1)).collect()
}

fn expected(name: &str) -> BTreeMap<String, Expected> {
    let table: BTreeMap<String, Value> = serde_json::from_slice(&file(name)).unwrap();
    let parameter = |value: &Value| {
        let mut shape = Vec::new();
        let mean = flattened(&value["mean"], &mut shape, 0);
        let variance = value["variance"].as_array();
        let variance = variance.map(|_| flattened(&value["variance"], &mut Vec::new(), 0));
        Expected { shape, mean, variance }
    };
    table.iter().map(|(name, value)| (name.clone(), parameter(value))).collect()
}

#[track_caller]
fn agree(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (&found, &expected) in found.iter().zip(expected) {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= 1e-6 * expected.abs(), "{what}: {found} is not {expected}");
    }
}

/// Compares entries with what the framework says; `name` gives the framework's name of an entry.
#[track_caller]
fn compare(posterior: &Posterior, json: &str, name: impl Fn(&str) -> String) {
    let mut expected = expected(json);
    for Entry { name: own, shape, mean, variance, .. } in &posterior.entries {
        let Some(expected) = expected.remove(&name(own)) else {
            panic!("{own} is not in {json}");
        };
        assert_eq!(*shape, expected.shape, "{own}");
        let own = &format!("{json}: {own}");
        agree(own, mean.as_ref().unwrap(), &expected.mean);
        match (variance, &expected.variance) {
            (Some(variance), Some(expected)) => agree(own, variance, expected),
            (None, None) => {}
            (found, _) => panic!("{own}: {found:?}"),
        }
    }
    assert!(expected.is_empty(), "{:?} were not read", expected.keys());
}

#[test]
fn layers_with_mean_and_spread_side_by_side() {
    for (framework, stem) in [
        ("bayesian-torch", "bayesian_torch"),
        ("torch-uncertainty", "torch_uncertainty"),
        ("blitz", "blitz"),
        ("torchbnn", "torchbnn"),
        ("fastbnns", "fastbnns"),
        ("pyro", "pyro_normal"),
        ("posteriors", "posteriors_vi"),
        ("posteriors", "posteriors_laplace"),
    ] {
        let posterior = plain(framework, &format!("{stem}.pt"));
        compare(&posterior, &format!("{stem}.json"), str::to_owned);
    }
}

#[test]
fn what_a_network_of_blitz_draws_from_is_in_its_samplers() {
    let posterior = plain("blitz", "blitz.pt");
    assert!(posterior.notes[0].contains("sampler's numbers are taken"), "{:?}", posterior.notes);
}

#[test]
fn a_fresh_posterior_may_be_one_number_expanded() {
    let posterior = plain("fastbnns", "fastbnns_fresh.pt");
    let variance = posterior.entries[0].variance.as_ref().unwrap();
    assert!(variance.iter().all(|value| *value == variance[0]), "{variance:?}");
}

#[test]
fn a_frozen_layer_is_told() {
    let posterior = plain("torchbnn", "torchbnn_frozen.pt");
    compare(&posterior, "torchbnn.json", str::to_owned);
    assert!(posterior.notes[0].contains("frozen"), "{:?}", posterior.notes);
}

#[test]
fn pyro_guides_need_their_representation() {
    let error = read("pyro", "pyro_guide.pt", &Request::default()).unwrap_err();
    assert!(error.contains("--representation"), "{error}");
    let request = Request { representation: Some(SOFTPLUS), ..Request::default() };
    compare(&read("pyro", "pyro_guide.pt", &request).unwrap(), "pyro_guide.json", str::to_owned);
}

/// The network that the files are of.
fn parameters() -> Vec<Parameter> {
    named(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
}

fn named(names: [&str; 4]) -> Vec<Parameter> {
    let shapes: [&[usize]; 4] = [&[3, 4], &[3], &[2, 3], &[2]];
    let parameter = |(name, shape): (&str, &[usize])| Parameter {
        name: name.into(),
        shape: shape.to_vec(),
        gaussian: true,
        reader: Reader::default(),
    };
    names.into_iter().zip(shapes).map(parameter).collect()
}

fn order(names: &[&str]) -> Vec<Ordered> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn flat_guides_are_cut_as_the_user_says() {
    let error = read("pyro", "pyro_diagonal.pt", &Request::default()).unwrap_err();
    assert!(error.contains("vector of 23 numbers") && error.contains("--order"), "{error}");
    let parameters = parameters();
    let in_order = order(&["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
    let request =
        || Request { order: in_order.clone(), parameters: &parameters, ..Request::default() };
    let posterior = read("pyro", "pyro_diagonal.pt", &request()).unwrap();
    compare(&posterior, "pyro_diagonal.json", str::to_owned);

    let error = read("pyro", "pyro_low_rank.pt", &request()).unwrap_err();
    assert!(error.contains("0.34") && error.contains("--marginals"), "{error}");
    let marginals = Request { marginals: true, ..request() };
    let posterior = read("pyro", "pyro_low_rank.pt", &marginals).unwrap();
    compare(&posterior, "pyro_low_rank.json", str::to_owned);
    assert!(posterior.notes[0].contains("0.34"), "{:?}", posterior.notes);

    let short = Request { order: order(&["fc1.weight"]), ..request() };
    let error = read("pyro", "pyro_diagonal.pt", &short).unwrap_err();
    assert!(error.contains("have 12"), "{error}");
}

#[test]
fn numpyro_sites_of_plain_models() {
    for file in ["numpyro_plain.pkl", "numpyro_plain.npz"] {
        compare(&plain("numpyro", file), "numpyro_plain.json", str::to_owned);
    }
    let error = read("numpyro", "numpyro_unconstrained.pkl", &Request::default()).unwrap_err();
    assert!(error.contains("--representation softplus"), "{error}");
    let request = Request { representation: Some(SOFTPLUS), ..Request::default() };
    let posterior = read("numpyro", "numpyro_unconstrained.pkl", &request).unwrap();
    compare(&posterior, "numpyro_plain.json", str::to_owned);
}

/// What is read, transposed as the framework has it.
fn in_by_out(mut posterior: Posterior) -> Posterior {
    posterior.entries.iter_mut().for_each(Entry::transpose);
    posterior
}

#[test]
fn kernels_become_out_by_in() {
    for (file, json) in
        [("numpyro_linen.pkl", "numpyro_linen.json"), ("numpyro_nnx.pkl", "numpyro_nnx.json")]
    {
        let posterior = plain("numpyro", file);
        let weight = posterior.entries.iter().find(|entry| entry.name.ends_with("weight")).unwrap();
        assert_eq!(weight.shape, [3, 4]);
        compare(&in_by_out(posterior), json, |name| name.replace(".weight", ".kernel"));
    }
    let posterior = in_by_out(plain("tfp", "tfp.npz"));
    compare(&posterior, "tfp.json", |name| name.replace("/weight", "/kernel"));

    let parameters = named(["w1", "b1", "w2", "b2"]);
    let request = Request {
        order: order(&["w1:transpose", "b1", "w2:transpose", "b2"]),
        parameters: &parameters,
        ..Request::default()
    };
    let posterior = read("numpyro", "numpyro_diagonal.pkl", &request).unwrap();
    assert_eq!(posterior.entries[0].shape, [3, 4]);
    compare(&in_by_out(posterior), "numpyro_diagonal.json", str::to_owned);
}

#[test]
fn ivon_needs_the_weights() {
    let error = read("ivon", "ivon.pt", &Request::default()).unwrap_err();
    assert!(error.contains("--weights"), "{error}");
    let weights = file("ivon_weights.pt");
    let request = Request { weights: Some(&weights), ..Request::default() };
    compare(&read("ivon", "ivon.pt", &request).unwrap(), "ivon.json", str::to_owned);
    compare(&plain("ivon", "ivon_both.pt"), "ivon.json", str::to_owned);
}

/// safetensors sorts by name, the optimizer does not.
#[test]
fn ivon_cuts_no_vector_by_weights_that_were_sorted() {
    let weights = pfp_import::posterior::weights(&file("ivon_weights.pt")).unwrap();
    let tensors = weights.iter().map(|of| {
        let bytes: Vec<u8> = of.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (of.name.clone(), of.shape.clone(), bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    let sorted = safetensors::serialize(views, None).unwrap();
    let request = |names: &[&str]| Request {
        weights: Some(&sorted),
        order: order(names),
        ..Request::default()
    };
    let error = read("ivon", "ivon.pt", &request(&[])).unwrap_err();
    assert!(error.contains("sorts the weights") && error.contains("--order"), "{error}");
    let names = ["0.weight", "0.bias", "2.weight", "2.bias"];
    let posterior = read("ivon", "ivon.pt", &request(&names)).unwrap();
    compare(&posterior, "ivon.json", str::to_owned);
    let error = read("ivon", "ivon.pt", &request(&["0.weight:transpose"])).unwrap_err();
    assert!(error.contains("lies as in the weights"), "{error}");
}

#[test]
fn laplace_is_found_in_the_weights() {
    let weights = file("laplace_weights.pt");
    let request = || Request { weights: Some(&weights), ..Request::default() };
    for stem in ["laplace_diag", "laplace_last_layer"] {
        let posterior = read("laplace", &format!("{stem}.pt"), &request()).unwrap();
        compare(&posterior, &format!("{stem}.json"), str::to_owned);
    }
    let error = read("laplace", "laplace_kron.pt", &request()).unwrap_err();
    assert!(error.contains("1.55"), "{error}");
    let error = read("laplace", "laplace_diag.pt", &Request::default()).unwrap_err();
    assert!(error.contains("--order") && error.contains("--weights"), "{error}");
    let other = file("ivon_weights.pt");
    let request = Request { weights: Some(&other), ..Request::default() };
    let error = read("laplace", "laplace_diag.pt", &request).unwrap_err();
    assert!(error.contains("no part of the weights"), "{error}");
}

#[test]
fn a_precision_without_a_prior_is_refused() {
    let error =
        read("posteriors", "posteriors_laplace_without_prior.pt", &Request::default()).unwrap_err();
    assert!(error.contains("stand for no variance") && error.contains("prior"), "{error}");
}

#[test]
fn pytagi_lists_take_the_shape_of_their_parameter() {
    let posterior = plain("pytagi", "pytagi.pkl");
    let mut expected = expected("pytagi.json");
    for entry in &posterior.entries {
        let expected = expected.remove(&entry.name).unwrap();
        agree(&entry.name, entry.mean.as_ref().unwrap(), &expected.mean);
        agree(&entry.name, entry.variance.as_ref().unwrap(), &expected.variance.unwrap());
    }
    assert!(expected.is_empty());
    let maps = [r"Linear\.0\.(.*)=fc1.$1", r"Linear\.2\.(.*)=fc2.$1"];
    let maps = maps.iter().map(|map| map.parse::<Map>().unwrap()).collect();
    let wishes = Wishes { maps, ..Wishes::default() };
    let placement = place(posterior.entries, &parameters(), &wishes, None).unwrap();
    assert_eq!(placement.placed.len(), 4);
}

#[test]
fn what_has_no_place_is_told_all_at_once() {
    let posterior = plain("pyro", "pyro_normal.pt");
    let mut parameters = named(["fc1.weight", "fc1.bias", "out.weight", "out.bias"]);
    parameters[0].shape = vec![4, 3];
    let problems =
        place(posterior.entries.clone(), &parameters, &Wishes::default(), None).unwrap_err();
    let text = problems.join("\n");
    assert_eq!(problems.len(), 5, "{text}");
    assert!(text.contains(r"'fc1\.weight=fc1.weight:transpose' transposes it"), "{text}");
    assert!(text.contains(r"--map 'fc2\.weight=out.weight'"), "{text}");
    assert!(
        text.contains("'out.bias' of shape 2, a parameter of the module, has no entry"),
        "{text}"
    );

    let maps = [r"fc1\.weight=fc1.weight:transpose", r"fc2\.(.*)=out.$1"];
    let maps = maps.iter().map(|map| map.parse::<Map>().unwrap()).collect();
    let wishes = Wishes { maps, ..Wishes::default() };
    let placement = place(posterior.entries, &parameters, &wishes, None).unwrap();
    assert_eq!(placement.placed.len(), 4);
    assert_eq!(placement.placed[0].how, Some("transposed"));
}

/// A kernel of as many inputs, outputs and places, by numbers that tell its elements apart.
fn cube(layout: Layout) -> Entry {
    let values: Vec<f32> = (0u8..8).map(f32::from).collect();
    Entry {
        name: "k".into(),
        shape: vec![2, 2, 2],
        is_flat: false,
        layout,
        mean: Some(values.clone()),
        variance: Some(values),
        keys: vec![],
    }
}

#[test]
fn what_lies_in_an_order_that_nothing_tells_is_asked_for() {
    let parameter =
        |reader| Parameter { name: "up".into(), shape: vec![2, 2, 2], gaussian: true, reader };
    let placed = |layout, reader, maps: &[&str]| {
        let maps = maps.iter().map(|map| map.parse::<Map>().unwrap()).collect();
        let wishes = Wishes { maps, ..Wishes::default() };
        let entry = Entry { name: "up".into(), ..cube(layout) };
        let placement = place(vec![entry], &[parameter(reader)], &wishes, None);
        let placement = placement.map_err(|problems| problems.join("\n"))?;
        assert_eq!(placement.placed[0].variance.as_ref(), Some(&placement.placed[0].mean));
        Ok::<_, String>(placement.placed[0].mean.clone())
    };
    let plain: Vec<f32> = (0u8..8).map(f32::from).collect();
    // As place, in, out to out, in, place; in, out, place; and that with the places backwards.
    let outputs_first = [0.0, 4.0, 2.0, 6.0, 1.0, 5.0, 3.0, 7.0];
    let of_keras = [0.0, 4.0, 2.0, 6.0, 1.0, 5.0, 3.0, 7.0];
    let of_flax = [4.0, 0.0, 5.0, 1.0, 6.0, 2.0, 7.0, 3.0];
    use Reader::{Other, OutputsFirst, TransposedConvolution};
    for (reader, part) in [
        (OutputsFirst, "--map 'up=up:transpose' if it is the kernel, in x out"),
        (TransposedConvolution, "--map 'up=up:flax' if it is the kernel, in x out"),
        (Other, "--map 'up=up:transpose' if it is the kernel, in x out"),
    ] {
        let error = placed(Layout::Unknown, reader, &[]).unwrap_err();
        assert!(error.contains(part), "{error}");
        assert_eq!(placed(Layout::Unknown, reader, &["up=up"]).unwrap(), plain);
        assert_eq!(placed(Layout::Torch, reader, &[]).unwrap(), plain);
    }
    assert_eq!(placed(Layout::Unknown, OutputsFirst, &["up=up:transpose"]).unwrap(), outputs_first);
    let up = |map: &str| placed(Layout::Unknown, TransposedConvolution, &[map]);
    assert_eq!(up("up=up:keras").unwrap(), of_keras);
    assert_eq!(up("up=up:flax").unwrap(), of_flax);
    let error = up("up=up:transpose").unwrap_err();
    assert!(error.contains("as many inputs as outputs"), "{error}");
    // Read as kernels of convolutions, where what reads them is not known.
    let error = placed(Layout::Flax, Other, &[]).unwrap_err();
    assert!(
        error.contains("--map 'up=up:transpose' if it is the kernel, in x out, as in the file")
    );
}

#[test]
fn a_flat_posterior_has_kernels_as_the_user_says() {
    let parameters = [Parameter {
        name: "up".into(),
        shape: vec![23, 1, 1],
        gaussian: true,
        reader: Reader::TransposedConvolution,
    }];
    let read = |name: &str| {
        let request =
            Request { order: order(&[name]), parameters: &parameters, ..Request::default() };
        read("numpyro", "numpyro_diagonal.pkl", &request)
    };
    let error = read("up:transpose").unwrap_err();
    assert!(error.contains("'up:flax' if it is one of flax, 'up:keras'"), "{error}");
    for name in ["up:flax", "up:keras", "up"] {
        assert_eq!(read(name).unwrap().entries[0].shape, [23, 1, 1], "{name}");
    }
}

#[test]
fn damaged_files_are_errors_or_other_numbers() {
    let parameters = parameters();
    for (framework, name) in [
        ("pyro", "pyro_normal.pt"),
        ("pyro", "pyro_low_rank.pt"),
        ("numpyro", "numpyro_linen.pkl"),
        ("numpyro", "numpyro_plain.npz"),
        ("bayesian-torch", "bayesian_torch.pt"),
        ("fastbnns", "fastbnns_fresh.pt"),
        ("ivon", "ivon_both.pt"),
        ("posteriors", "posteriors_vi.pt"),
        ("pytagi", "pytagi.pkl"),
    ] {
        let framework: Framework = framework.parse().unwrap();
        let request = || Request {
            marginals: framework.name() == "pyro",
            parameters: &parameters,
            ..Request::default()
        };
        let bytes = file(name);
        for length in 0..bytes.len() {
            // Of a pickle what follows its end, of an archive its directory, may be missing.
            let _ = framework.read(&bytes[..length], &request());
        }
        for place in 0..bytes.len() {
            for value in [0x00, 0x01, 0x28, 0x65, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[place] = value;
                if let Ok(posterior) = framework.read(&changed, &request()) {
                    for Entry { shape, mean, variance, .. } in &posterior.entries {
                        let count: usize = shape.iter().product();
                        assert!(mean.iter().chain(variance).all(|values| values.len() == count));
                    }
                }
            }
        }
    }
}

/// The posteriors of the paper, beside the repository.
#[test]
fn the_published_files_bit_for_bit() {
    let Some(data) = shared_data() else { return };
    let folder = data.join("models");
    for name in ["lenet", "mlp"] {
        let store = fs::read(folder.join(format!("vi_model_20240730_e40_{name}.pt"))).unwrap();
        let framework: Framework = "pyro".parse().unwrap();
        let posterior = framework.read(&store, &Request::default()).unwrap();
        let file =
            fs::read(folder.join(format!("{name}_dirty_mnist_softplus.safetensors"))).unwrap();
        let file = safetensors::SafeTensors::deserialize(&file).unwrap();
        assert_eq!(file.len(), 2 * posterior.entries.len());
        for Entry { name, shape, mean, variance, .. } in &posterior.entries {
            for (component, values) in [("mean", mean), ("var", variance)] {
                let tensor = file.tensor(&format!("{name}.{component}")).unwrap();
                assert_eq!(tensor.shape(), shape);
                let values = values.as_ref().unwrap();
                let bytes: Vec<_> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                assert!(bytes == tensor.data(), "{name}.{component}");
            }
        }
    }
}

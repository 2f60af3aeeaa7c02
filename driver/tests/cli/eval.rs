//! `pfp eval`.

use std::fs;

use serde_json::Value;

use crate::fixture::{Dir, FUSION, Tensor, gzip, npy, npy_of, safetensors, tiny_dense, write_png};

const EVAL: &str = "eval tiny.mlir --params tiny.safetensors --no-latency";

/// Twelve items of four bytes, and the classes that the network's means say, two of them changed.
fn items() -> (Vec<u8>, Vec<u8>) {
    let bytes: Vec<u8> = (0..48).map(|i| (i * 89 % 256) as u8).collect();
    let mut labels: Vec<_> = bytes.chunks_exact(4).map(|item| class(&logits(item))).collect();
    for wrong in [3, 7] {
        labels[wrong] = (labels[wrong] + 1) % 3;
    }
    (bytes, labels)
}

/// The network of the mean weights, on bytes over 255.
fn logits(item: &[u8]) -> Vec<f32> {
    let item: Vec<_> = item.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    tiny_dense(&item).0.into_iter().map(|mean| mean.max(0.0)).collect()
}

fn class(logits: &[f32]) -> u8 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter().position(|&logit| logit == largest).unwrap() as u8
}

fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes()).collect::<Vec<_>>();
    [&[0, 0, 8, (sizes.len() / 4) as u8][..], &sizes, bytes].concat()
}

/// A directory with the items in files `set-images-idx3-ubyte`, others in `other-..`.
fn dir() -> Dir {
    let dir = Dir::tiny();
    let (bytes, labels) = items();
    dir.write("set-images-idx3-ubyte", idx(&[12, 2, 2], &bytes));
    dir.write("set-labels-idx1-ubyte", idx(&[12], &labels));
    let other: Vec<u8> = bytes.iter().map(|byte| 255 - byte / 8).collect();
    dir.write("other-images-idx3-ubyte", idx(&[12, 2, 2], &other));
    dir
}

#[track_caller]
fn close(actual: &Value, expected: f64) {
    let actual = actual.as_f64().unwrap();
    assert!((actual - expected).abs() < 1e-6, "{actual} {expected}");
}

#[test]
fn the_measures_of_the_mean_network_follow_from_its_logits() {
    let dir = dir();
    let json = dir.pfp(&format!("{EVAL} --in-domain set --scale 1/255 --modes mean --json")).json();
    let (bytes, labels) = items();
    let (mut nll, mut brier, mut entropy) = (0.0, 0.0, 0.0);
    for (item, &label) in bytes.chunks_exact(4).zip(&labels) {
        let exponentials: Vec<_> = logits(item).iter().map(|&z| f64::from(z).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        for (class, p) in exponentials.iter().map(|e| e / sum).enumerate() {
            let truth = f64::from(u8::from(class == usize::from(label)));
            nll -= truth * p.ln() / 12.0;
            brier += (p - truth).powi(2) / 12.0;
            entropy -= p * p.ln() / 12.0;
        }
    }
    let result = &json["modes"][0]["sets"][0];
    assert_eq!(json["modes"][0]["mode"], "mean");
    close(&result["classification"]["accuracy"], 10.0 / 12.0);
    close(&result["classification"]["nll"], nll);
    close(&result["classification"]["brier"], brier);
    close(&result["uncertainty"]["total"], entropy);
    close(&result["uncertainty"]["aleatoric"], entropy);
    assert!(result["uncertainty"]["epistemic"].is_null());
    assert!(result["items"].is_null(), "items only where they are asked for");
    let bins = result["classification"]["reliability"].as_array().unwrap();
    let binned: u64 = bins.iter().map(|bin| bin["items"].as_u64().unwrap()).sum();
    assert_eq!((bins.len(), binned), (15, 12));
}

#[test]
fn a_person_reads_tables_and_a_program_json() {
    let dir = dir();
    let run = format!("{EVAL} --in-domain set --ood other --scale 1/255");
    let text = dir.pfp(&run).ok();
    for line in [
        "set (in domain, 12 items)",
        "other (out of domain, 12 items)",
        "accuracy, %",
        "epistemic uncertainty, nats",
        "mutual information",
        "AUROC",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json = dir.pfp(&format!("{run} --json --items")).json();
    assert_eq!(json["settings"]["batch"], 100);
    assert_eq!(json["settings"]["module_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["sets"][0]["labels"].as_array().unwrap().len(), 12);
    let moments = &json["modes"][0];
    assert_eq!(moments["sets"][1]["items"]["probabilities"].as_array().unwrap().len(), 36);
    assert!(moments["sets"][1]["classification"].is_null());
    let scores: Vec<_> =
        moments["detection"].as_array().unwrap().iter().map(|d| d["score"].clone()).collect();
    assert_eq!(
        scores,
        ["variance", "relative-deviation", "mutual-information", "predictive-entropy"]
    );
    // Larger numbers give larger variances.
    close(&moments["detection"][0]["auroc"], 1.0);
    close(&moments["detection"][0]["fpr95"], 0.0);
    let mean = json["modes"][1]["detection"].as_array().unwrap();
    assert_eq!(mean.len(), 1, "without a distribution there is one score");
}

#[test]
fn the_number_of_threads_and_the_batch_change_nothing() {
    let dir = dir();
    let run = |options: &str| {
        let run = "--in-domain set --ood other --scale 1/255 --modes moments --json --items";
        dir.pfp(&format!("{EVAL} {run} {options}")).json()
    };
    let one = run("--batch 5 --threads 1");
    let three = run("--batch 5 --threads 3");
    for part in ["modes", "sets", "verdict"] {
        assert_eq!(one[part], three[part]);
    }
    assert_ne!(one["modes"], run("--batch 5 --seed 1")["modes"]);
    for batch in [1, 50] {
        let other = run(&format!("--batch {batch} --threads 2"));
        let nll = |json: &Value| json["modes"][0]["sets"][0]["classification"]["nll"].clone();
        close(&nll(&other), nll(&one).as_f64().unwrap());
    }
}

#[test]
fn a_data_set_may_be_any_of_the_known_files() {
    let dir = dir();
    let (bytes, labels) = items();
    let floats = |bytes: &[u8]| bytes.iter().map(|&byte| f32::from(byte)).collect::<Vec<_>>();
    fs::create_dir_all(dir.path("zipped")).unwrap();
    dir.write("zipped/t10k-images-idx3-ubyte.gz", gzip(&idx(&[12, 2, 2], &bytes)));
    dir.write("zipped/t10k-labels-idx1-ubyte.gz", gzip(&idx(&[12], &labels)));
    dir.write("dots-images.idx3-ubyte", idx(&[12, 4], &bytes));
    dir.write("dots-labels.idx1-ubyte", idx(&[12], &labels));
    dir.write("arrays-images.npy", npy(&[12, 4], &floats(&bytes)));
    dir.write("arrays-labels.npy", npy(&[12], &floats(&labels)));
    let tensors: [(String, Tensor); 2] = [
        ("test.images".into(), (vec![12, 2, 2], floats(&bytes))),
        ("test.labels".into(), (vec![12], floats(&labels))),
    ];
    dir.write("set.safetensors", safetensors(&tensors.into()));
    for (index, (item, label)) in bytes.chunks_exact(4).zip(&labels).enumerate() {
        let path = dir.path(&format!("images/{label}/{index:02}.png"));
        write_png(&path, 2, 2, png::ColorType::Grayscale, item);
        write_png(
            &dir.path(&format!("flat/{index:02}.png")),
            2,
            2,
            png::ColorType::Grayscale,
            item,
        );
    }
    let measures = |data: &str| {
        let run = format!("{EVAL} --in-domain {data} --scale 1/255 --modes mean --json");
        dir.pfp(&run).json()["modes"][0]["sets"][0]["classification"].clone()
    };
    let expected = measures("set");
    for data in [
        "set-images-idx3-ubyte",
        "zipped/t10k",
        "dots",
        "arrays",
        "arrays-images.npy",
        "set.safetensors:test.images",
        "images",
        "flat@labels=arrays-labels.npy",
    ] {
        let classification = measures(data);
        for measure in ["accuracy", "nll", "brier", "ece", "aurc"] {
            close(&classification[measure], expected[measure].as_f64().unwrap());
        }
    }
}

#[test]
fn a_set_may_be_prepared_in_its_own_way() {
    let dir = dir();
    let (bytes, labels) = items();
    let scaled: Vec<_> = bytes.iter().map(|&byte| (f32::from(byte) / 255.0 - 0.5) / 0.25).collect();
    dir.write("x-images.npy", npy(&[12, 4], &scaled));
    dir.write(
        "x-labels.npy",
        npy(&[12], &labels.iter().map(|&l| f32::from(l)).collect::<Vec<_>>()),
    );
    let run = "--in-domain x@name=prepared --ood set@scale=1/255@normalize=0.5,0.25 --json --items";
    let json = dir.pfp(&format!("{EVAL} --modes moments {run}")).json();
    assert_eq!(json["sets"][0]["name"], "prepared");
    assert_eq!(json["sets"][1]["scale"], "1/255");
    assert_eq!(json["sets"][1]["normalize"], serde_json::json!([0.5, 0.25]));
    let mean = |set: usize| json["modes"][0]["sets"][set]["items"]["mean"].as_array().unwrap();
    for (a, b) in mean(0).iter().zip(mean(1)) {
        close(a, b.as_f64().unwrap());
    }
}

#[test]
fn an_answer_that_names_one_of_several_labels_is_right() {
    let dir = dir();
    let (bytes, labels) = items();
    let pairs: Vec<u8> = labels.iter().flat_map(|&label| [(label + 1) % 3, label]).collect();
    dir.write("pairs-images.idx3-ubyte", idx(&[12, 2, 2], &bytes));
    dir.write("pairs-labels.idx2-ubyte", idx(&[12, 2], &pairs));
    let run = "--in-domain set --ambiguous pairs --scale 1/255 --modes mean --json";
    let json = dir.pfp(&format!("{EVAL} {run}")).json();
    assert_eq!(json["sets"][1]["labels_per_item"], 2);
    assert_eq!(json["sets"][1]["role"], "ambiguous");
    let bytes = bytes.chunks_exact(4);
    let right =
        bytes.zip(pairs.chunks_exact(2)).filter(|(x, pair)| pair.contains(&class(&logits(x))));
    let accuracy = right.count() as f64 / 12.0;
    close(&json["modes"][0]["sets"][1]["classification"]["accuracy"], accuracy);
}

#[test]
fn without_a_set_out_of_domain_there_is_no_detection() {
    let dir = dir();
    let run = format!("{EVAL} --in-domain set --scale 1/255 --modes moments");
    assert!(!dir.pfp(&run).ok().contains("AUROC"));
    let json = dir.pfp(&format!("{run} --json")).json();
    assert_eq!(json["modes"][0]["detection"], serde_json::json!([]));
}

/// One dense layer: its logits are independent Gaussians, so that the closed form is exact.
const EXACT: &str = r#"func.func @exact(%x: tensor<?x2xf32>) -> !gauss.tensor<?x3xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<3x2xf32>
  %y = gauss.dense %x, %w : (tensor<?x2xf32>, !gauss.tensor<3x2xf32>) -> !gauss.tensor<?x3xf32>
  return %y : !gauss.tensor<?x3xf32>
}
"#;

/// Two Gaussian units, each copied 32 times and summed again: the copies vary together, so that a
/// logit has 32 times the variance that independent ones give it.
const CORRELATED: &str = r#"func.func @correlated(%x: tensor<?x2xf32>) -> !gauss.tensor<?x3xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<2x2xf32>
  %copy = gauss.parameter "copy" : tensor<64x2xf32>
  %sum = gauss.parameter "sum" : tensor<3x64xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, !gauss.tensor<2x2xf32>) -> !gauss.tensor<?x2xf32>
  %1 = gauss.dense %0, %copy : (!gauss.tensor<?x2xf32>, tensor<64x2xf32>) -> !gauss.tensor<?x64xf32>
  %2 = gauss.dense %1, %sum : (!gauss.tensor<?x64xf32>, tensor<3x64xf32>) -> !gauss.tensor<?x3xf32>
  return %2 : !gauss.tensor<?x3xf32>
}
"#;

/// A directory with both networks and 120 items around the unit circle.
fn judged() -> Dir {
    let dir = Dir::empty();
    let tensors = |tensors: &[(&str, &[usize], Vec<f32>)]| {
        let tensor = |(name, shape, values): &(&str, &[usize], Vec<f32>)| {
            ((*name).to_owned(), (shape.to_vec(), values.clone()))
        };
        safetensors(&tensors.iter().map(tensor).collect())
    };
    let means = vec![1.0, 0.0, -0.5, 0.75, -0.5, -0.75];
    dir.write("exact.mlir", EXACT);
    let variances = vec![0.5; 6];
    let parameters = [("w.mean", &[3, 2][..], means.clone()), ("w.var", &[3, 2], variances)];
    dir.write("exact.safetensors", tensors(&parameters));
    dir.write("correlated.mlir", CORRELATED);
    let copy = (0..64).flat_map(|row| if row < 32 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    let sum = means.chunks_exact(2).flat_map(|pair| [[pair[0] / 32.0; 32], [pair[1] / 32.0; 32]]);
    let parameters = [
        ("w.mean", &[2, 2][..], vec![1.0, 0.0, 0.0, 1.0]),
        ("w.var", &[2, 2], vec![0.5; 4]),
        ("copy", &[64, 2], copy),
        ("sum", &[3, 64], sum.flatten().collect()),
    ];
    dir.write("correlated.safetensors", tensors(&parameters));
    let angle = |item: u16| f32::from(item) * std::f32::consts::TAU / 120.0;
    let items: Vec<_> = (0..120).flat_map(|item| [angle(item).cos(), angle(item).sin()]).collect();
    let logit = |item: &[f32], row: &[f32]| item[0] * row[0] + item[1] * row[1];
    let labels = items.chunks_exact(2).map(|item| {
        let logits: Vec<_> = means.chunks_exact(2).map(|row| logit(item, row)).collect();
        f32::from(class(&logits))
    });
    dir.write("circle-labels.npy", npy(&[120], &labels.collect::<Vec<_>>()));
    dir.write("circle-images.npy", npy(&[120, 2], &items));
    dir
}

#[test]
fn a_network_that_the_closed_form_is_right_of_is_trusted() {
    let dir = judged();
    let run = "eval exact.mlir --params exact.safetensors --in-domain circle --no-latency";
    let json = dir.pfp(&format!("{run} --modes moments,sample:1000 --json")).json();
    let verdict = &json["verdict"];
    assert!(verdict["answer"].as_str().unwrap().starts_with("Yes: on circle"), "{verdict}");
    let set = &verdict["sets"][0];
    assert_eq!(set["conclusion"], "as-close-as-sampling-can-tell", "{set}");
    assert_eq!(set["against"], "sample:1000");
    let text = dir.pfp(&format!("{run} --modes moments,sample:1000")).ok();
    assert!(text.contains("Can PFP be trusted on this data? Yes"), "{text}");
}

#[test]
fn a_network_whose_units_vary_together_is_not() {
    let dir = judged();
    let run = "eval correlated.mlir --params correlated.safetensors --in-domain circle \
               --no-latency --json --modes moments,sample:10,sample:200";
    let verdict = dir.pfp(run).json()["verdict"].clone();
    assert!(verdict["answer"].as_str().unwrap().starts_with("No: on circle"), "{verdict}");
    let set = &verdict["sets"][0];
    assert_eq!(set["conclusion"], "different", "{set}");
    assert_eq!(set["against"], "sample:200");
    let sentence = set["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("PFP underestimates the variance of the logits"), "{sentence}");
    let measure = |name: &str| {
        let all = set["measures"].as_array().unwrap();
        all.iter().find(|measure| measure["measure"] == name).unwrap().clone()
    };
    let variance = measure("variance");
    let ratio = variance["difference"].as_f64().unwrap().exp();
    // The noise of 200 passes is about a tenth.
    assert!((ratio - 1.0 / 32.0).abs() < 0.3 / 32.0, "{variance}");
    assert_eq!(
        (&variance["grade"], &measure("epistemic")["grade"]),
        (&"large".into(), &"large".into())
    );
    assert!(set["advice"].to_string().contains("pfp calibrate"), "{set}");
}

#[test]
fn trust_is_not_claimed_without_evidence() {
    let dir = judged();
    let run = "eval exact.mlir --params exact.safetensors --in-domain circle --no-latency";
    for (modes, conclusion) in [
        ("moments,mean", "not-compared"),
        ("sample:100", "not-compared"),
        ("moments,sample:5", "too-few-passes"),
        ("moments,sample:20", "too-few-passes"),
    ] {
        let verdict = dir.pfp(&format!("{run} --json --modes {modes}")).json()["verdict"].clone();
        assert_eq!(verdict["sets"][0]["conclusion"], conclusion, "{modes}: {verdict}");
        assert!(verdict["answer"].as_str().unwrap().starts_with("Not known: "), "{verdict}");
        let advice = verdict["sets"][0]["advice"].to_string();
        assert!(advice.contains("sample:"), "{advice}");
    }
    let dir = self::dir();
    let few = format!("{EVAL} --in-domain set --scale 1/255 --modes moments,sample:2000 --json");
    assert_eq!(dir.pfp(&few).json()["verdict"]["sets"][0]["conclusion"], "too-few-items");
}

#[test]
fn progress_is_shown_unless_it_is_not_wanted() {
    let dir = dir();
    let run = format!("{EVAL} --in-domain set --modes moments,mean");
    let ran = dir.pfp(&run);
    for step in ["moments: set: 12 in ", "mean: set: 12 in "] {
        assert!(ran.stderr.contains(step), "{ran:#?}");
    }
    assert_eq!(dir.pfp(&format!("{run} --quiet")).stderr, "");
}

#[test]
fn sets_are_called_by_the_end_of_their_path() {
    let dir = dir();
    for (from, to) in [("set", "a/x"), ("set", "b/x"), ("other", "b/y")] {
        fs::create_dir_all(dir.path(to).parent().unwrap()).unwrap();
        for kind in ["images-idx3-ubyte", "labels-idx1-ubyte"] {
            let _ =
                fs::copy(dir.path(&format!("{from}-{kind}")), dir.path(&format!("{to}-{kind}")));
        }
    }
    let names = |data: &str| {
        let json = dir.pfp(&format!("{EVAL} --modes mean --json {data}")).json();
        let sets = json["sets"].as_array().unwrap().iter();
        sets.map(|set| set["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("--in-domain a/x --ood b/y-images-idx3-ubyte"), ["x", "y"]);
    assert_eq!(names("--in-domain a/x --ood b/x"), ["a/x", "b/x"]);
}

/// One layer and its activation are exact, so that sampling converges to them.
#[test]
fn sampling_agrees_with_the_moments_of_an_exact_network() {
    let dir = dir();
    let run = |modes: &str| {
        let run =
            format!("--in-domain set --ood other --scale 1/255 --json --items --modes {modes}");
        dir.pfp(&format!("{EVAL} {run}")).json()["modes"].clone()
    };
    let modes = run("moments,sample:4000");
    assert_eq!((&modes[0]["passes"], &modes[1]["passes"]), (&1.into(), &4000.into()));
    for set in [0, 1] {
        let (moments, sampled) = (&modes[0]["sets"][set], &modes[1]["sets"][set]);
        assert!(moments["agreement"].is_null());
        let agreement = &sampled["agreement"];
        let number = |name: &str| agreement[name].as_f64().unwrap();
        assert!(number("mean") < 0.06, "{agreement}");
        assert!((number("variance_ratio") - 1.0).abs() < 0.1, "{agreement}");
        assert!(number("correlation") > 0.98, "{agreement}");
        assert!(number("kl") < 0.01 && number("other_class") <= 1.0 / 12.0, "{agreement}");
        assert!(number("kl_difference") < 0.01, "{agreement}");
        assert!(number("log_difference").abs() < 0.1, "{agreement}");
        let difference = |result: &Value| result["uncertainty"]["difference"].as_f64().unwrap();
        assert!((difference(moments) / difference(sampled) - 1.0).abs() < 0.1, "{sampled:#}");
        for part in ["total", "aleatoric"] {
            let nats = |result: &Value| result["uncertainty"][part].as_f64().unwrap();
            let (a, b) = (nats(moments), nats(sampled));
            assert!((a - b).abs() < 0.1, "{part}: {a} {b}");
        }
    }
    assert_eq!(modes[1]["detection"].as_array().unwrap().len(), 4);
    let text = dir.pfp(&format!("{EVAL} --in-domain set --modes moments,sample:2")).ok();
    assert!(text.contains("moments against") && text.contains("sample:2"), "{text}");
}

#[test]
fn the_seed_decides_what_is_sampled_and_not_when() {
    let dir = dir();
    let nll = |options: &str| {
        let run = format!("{EVAL} --in-domain set --scale 1/255 --json {options}");
        dir.pfp(&run).json()["modes"][0]["sets"][0]["classification"]["nll"].as_f64().unwrap()
    };
    let sampled = nll("--modes sample:5");
    assert!((nll("--modes presampled:5") - sampled).abs() < 1e-5);
    assert!((nll("--modes sample:5 --batch 7 --threads 1") - sampled).abs() < 1e-5);
    assert!((nll("--modes sample:5 --seed 1") - sampled).abs() > 1e-5);
}

#[test]
fn times_are_taken_where_they_are_wanted() {
    let dir = dir();
    let run = "eval tiny.mlir --params tiny.safetensors --in-domain set --latency 1,4 \
               --modes moments,mean,sample:3";
    let json = dir.pfp(&format!("{run} --json")).json();
    for (mode, others) in [(0, 1.0..=1.0), (1, 0.0..=1e3), (2, 0.0..=1e3)] {
        let latency = json["modes"][mode]["latency"].as_array().unwrap();
        let batches: Vec<_> = latency.iter().map(|l| l["batch"].as_u64().unwrap()).collect();
        assert_eq!(batches, [1, 4]);
        for latency in latency {
            assert!(latency["microseconds"].as_f64() > Some(0.0), "{latency}");
            assert!(others.contains(&latency["speed_up"].as_f64().unwrap()), "{latency}");
        }
    }
}

#[test]
fn bad_data_is_named() {
    let dir = dir();
    let (bytes, labels) = items();
    let floats = |count: usize, value: f32| vec![value; count];
    dir.write("few-images-idx3-ubyte", idx(&[12, 2, 2], &bytes));
    dir.write("few-labels-idx1-ubyte", idx(&[11], &labels[..11]));
    dir.write("high-images-idx3-ubyte", idx(&[12, 2, 2], &bytes));
    dir.write("high-labels-idx1-ubyte", idx(&[12], &[0, 1, 2, 0, 1, 3, 0, 0, 0, 0, 0, 0]));
    dir.write("half-images.npy", npy(&[2, 4], &floats(8, 0.0)));
    dir.write("half-labels.npy", npy(&[2], &[0.0, 0.5]));
    dir.write("large-images-idx3-ubyte", idx(&[4, 3, 4], &bytes));
    dir.write("large-labels-idx1-ubyte", idx(&[4], &labels[..4]));
    dir.write("empty-images.npy", npy(&[0, 4], &[]));
    dir.write("nan-images.npy", npy(&[2, 4], &[0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0]));
    dir.write("nan-labels.npy", npy(&[2], &[0.0, 0.0]));
    dir.write("overflow-images.npy", npy(&[1, 4], &floats(4, 3e38)));
    dir.write("overflow-labels.npy", npy(&[1], &[0.0]));
    dir.write("bare-images.npy", npy(&[2, 4], &floats(8, 0.0)));
    fs::create_dir_all(dir.path("nothing/0")).unwrap();
    let grey = png::ColorType::Grayscale;
    write_png(&dir.path("sizes/0/a.png"), 2, 2, grey, &[0; 4]);
    write_png(&dir.path("sizes/0/b.png"), 2, 1, grey, &[0; 2]);
    write_png(&dir.path("wide/0/a.png"), 3, 2, grey, &[0; 6]);
    write_png(
        &dir.path("colour/0/a.png"),
        2,
        2,
        png::ColorType::Rgb,
        &[9, 0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0],
    );
    write_png(&dir.path("broken/0/a.png"), 2, 2, grey, &[0; 4]);
    dir.write("broken/0/a.png", b"\x89PNG but no more");
    write_png(&dir.path("classes/7/a.png"), 2, 2, grey, &[0; 4]);
    for (data, needle) in [
        ("absent", "there is no file or folder absent"),
        ("few", "labels of shape [11] for the 12 item(s)"),
        ("high", "item 5 of high-labels-idx1-ubyte has the label 3"),
        ("half", "0.5 as its label number 1"),
        ("large", "large-images-idx3-ubyte does not fit the network"),
        ("empty", "empty-images.npy has no items"),
        ("nan", "nan-images.npy has NaN in item 1, element 1; it must be finite"),
        ("overflow", "the logits of item 0 of overflow are not finite"),
        ("bare", "there are no labels for bare-images.npy"),
        ("bare@labels=absent.npy", "cannot read absent.npy"),
        ("nothing", "nothing/0 has no images, but every folder in nothing is a class"),
        ("sizes", "sizes/0/b.png is 2x1 pixels"),
        ("wide", "wide does not fit the network"),
        ("colour", "is in colour"),
        ("broken", "broken/0/a.png is not a valid image"),
        ("classes", "has the label 7"),
        ("set --ood set", "two data sets are called set"),
    ] {
        let error = dir.pfp(&format!("{EVAL} --modes moments --in-domain {data}")).error();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn one_hot_labels_are_classes() {
    let dir = dir();
    let (bytes, labels) = items();
    dir.write("hot-images.idx3-ubyte", idx(&[12, 2, 2], &bytes));
    let hot: Vec<u8> = labels.iter().flat_map(|&l| [0, 1, 2].map(|c| u8::from(c == l))).collect();
    dir.write("hot-labels.idx2-ubyte", idx(&[12, 3], &hot));
    dir.write("bool.npy", npy_of("'|b1'", false, &[12, 3], &hot));
    let floats: Vec<f32> = hot.iter().map(|&mark| mark.into()).collect();
    dir.write("float.npy", npy(&[12, 3], &floats));
    let columns: Vec<u8> = (0..36).map(|index| hot[index % 12 * 3 + index / 12]).collect();
    dir.write("columns.npy", npy_of("'|i1'", true, &[12, 3], &columns));
    let run = |data: &str| {
        dir.pfp(&format!("{EVAL} --scale 1/255 --modes mean --json --items --in-domain {data}"))
    };
    let expected = run("set").json();
    assert!(expected["sets"][0]["notes"].is_null());
    for labels in ["", "@labels=bool.npy", "@labels=float.npy", "@labels=columns.npy"] {
        let ran = run(&format!("hot{labels}"));
        assert!(ran.stderr.contains("note: ") && ran.stderr.contains("one-hot"), "{ran:#?}");
        let json = ran.json();
        let set = &json["sets"][0];
        assert_eq!(
            (&set["labels_per_item"], &set["labels"]),
            (&1.into(), &expected["sets"][0]["labels"])
        );
        assert!(set["notes"][0].as_str().unwrap().contains("one-hot"), "{set}");
        assert_eq!(
            json["modes"][0]["sets"][0]["classification"],
            expected["modes"][0]["sets"][0]["classification"]
        );
    }
}

#[test]
fn labels_that_are_no_classes_are_shown_as_in_the_file() {
    let dir = dir();
    let doubles = |shape: &[usize], values: &[f64]| {
        let bytes: Vec<_> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        npy_of("'<f8'", false, shape, &bytes)
    };
    dir.write("huge.npy", doubles(&[12], &[[0.0; 11].as_slice(), &[1e30]].concat()));
    dir.write("minus.npy", doubles(&[12], &[[0.0; 11].as_slice(), &[-1.0]].concat()));
    dir.write("near.npy", doubles(&[12], &[[0.0; 11].as_slice(), &[1.9999999999]].concat()));
    dir.write("soft.npy", doubles(&[12, 3], &[0.25, 0.25, 0.5].repeat(12)));
    dir.write("several.npy", doubles(&[12, 3], &[0.0, 1.0, 1.0].repeat(12)));
    dir.write("four.npy", doubles(&[12, 4], &[0.0, 1.0, 0.0, 0.0].repeat(12)));
    for (labels, needle) in [
        ("huge", "item 11 of huge.npy has the label 1e30,"),
        ("minus", "has -1 as its label number 11"),
        ("near", "has 1.9999999999 as its label number 11"),
        ("soft", "probabilities of 3 classes for each item (soft labels)"),
        ("several", "zeros and ones only, 3 for each item"),
        ("four", "is one-hot for 4 classes, but the network tells 3 apart"),
    ] {
        let run = format!("{EVAL} --modes mean --in-domain set@labels={labels}.npy");
        let error = dir.pfp(&run).error();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn what_is_no_classifier_is_refused() {
    let dir = dir();
    dir.write("fusion.mlir", FUSION);
    let error = dir.pfp("eval fusion.mlir --in-domain set").error();
    assert!(error.contains("@fusion is not a classifier"), "{error}");
    dir.write("fixed.mlir", crate::fixture::TINY.replace('?', "2"));
    let fixed =
        "eval fixed.mlir --params tiny.safetensors --in-domain set --no-latency --modes mean";
    assert_eq!(dir.pfp(&format!("{fixed} --json")).json()["settings"]["batch"], 2);
    let error = dir.pfp(&format!("{fixed} --batch 3")).error();
    assert!(error.contains("fixed to 2, not 3"), "{error}");
}

#[test]
fn a_wrong_request_is_exit_code_2() {
    let dir = dir();
    for options in [
        "",
        "--in-domain set@nam=x",
        "--in-domain set --modes fast",
        "--in-domain set --modes sample:0",
        "--in-domain set --bins 0",
        "--in-domain set --draws 0",
        "--in-domain set --latency 1 --no-latency",
    ] {
        let ran = dir.pfp(&format!("eval tiny.mlir --params tiny.safetensors {options}"));
        assert_eq!(ran.code, Some(2), "{options}: {ran:#?}");
    }
}

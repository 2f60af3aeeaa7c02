//! `--order`: maxima before activations, or as the network has them.

use safetensors::SafeTensors;
use serde_json::Value;

use crate::{
    absent::shared_data,
    fixture::{Dir, NET, net_parameters, npy, repository, safetensors},
};

const ORDERS: [&str; 2] = ["as-written", "pool-first"];

/// A convolution, PReLU with a slope for each channel, a max pool.
const PRELU: &str = r#"func.func @net(%x: tensor<?x1x6x6xf32>) -> !gauss.tensor<?x2x2x2xf32> {
  %k = gauss.parameter "conv.weight" : !gauss.tensor<2x1x3x3xf32>
  %s = gauss.parameter "slope" : tensor<2xf32>
  %r = gauss.reshape %s : (tensor<2xf32>) -> tensor<1x2x1x1xf32>
  %c = gauss.conv2d %x, %k : (tensor<?x1x6x6xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<?x2x4x4xf32>
  %a = gauss.prelu %c, %r : (!gauss.tensor<?x2x4x4xf32>, tensor<1x2x1x1xf32>) -> !gauss.tensor<?x2x4x4xf32>
  %p = gauss.max_pool2d %a kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  return %p : !gauss.tensor<?x2x2x2xf32>
}
"#;

fn with_image(module: &str, slopes: Option<[f32; 2]>) -> Dir {
    let dir = Dir::empty();
    dir.write("net.mlir", module);
    let mut parameters = net_parameters();
    if let Some(slopes) = slopes {
        parameters.retain(|name, _| name.starts_with("conv."));
        parameters.insert("slope".into(), (vec![2], slopes.into()));
    }
    dir.write("net.safetensors", safetensors(&parameters));
    let image: Vec<f32> = (0..36).map(|n| (n * 7 % 11) as f32 / 4.0 - 1.0).collect();
    dir.write("x.npy", npy(&[1, 1, 6, 6], &image));
    dir
}

/// What a run of the network in `dir` returns.
fn outputs(dir: &Dir, options: &str) -> Value {
    let run = "run net.mlir --params net.safetensors --input x.npy --json -q";
    dir.pfp(&format!("{run} {options}")).json()["outputs"].clone()
}

/// The ops of the compiled network by its manifest, and the order that this states.
fn manifest(dir: &Dir, options: &str) -> (String, Vec<String>) {
    dir.pfp(&format!("compile net.mlir --params net.safetensors -o out {options}")).ok();
    let manifest = dir.json("out/net.json");
    let layers = manifest["op_counts"]["layers"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&manifest["order"]), layers.iter().map(|layer| text(&layer["op"])).collect())
}

#[test]
fn maxima_come_first_unless_they_are_wanted_as_written() {
    let dir = with_image(NET, None);
    let [as_written, pool_first] = ORDERS.map(|order| outputs(&dir, &format!("--order {order}")));
    assert_ne!(as_written, pool_first);
    assert_eq!(outputs(&dir, ""), pool_first);
    for (options, order, layers) in [
        ("", "pool-first", ["conv2d", "max_pool2d", "relu", "flatten", "dense"]),
        ("--order pool-first", "pool-first", ["conv2d", "max_pool2d", "relu", "flatten", "dense"]),
        ("--order as-written", "as-written", ["conv2d", "relu", "max_pool2d", "flatten", "dense"]),
    ] {
        assert_eq!(manifest(&dir, options), (order.into(), layers.map(String::from).into()));
    }
}

/// Numbers without a variance are the same in both orders, from the same draws.
#[test]
fn the_order_moves_no_exact_value() {
    let dir = with_image(NET, None);
    for mode in ["mean", "sample:5 --seed 3", "sample:5 --seed 3 --draws", "presampled:5"] {
        let [as_written, pool_first] =
            ORDERS.map(|order| outputs(&dir, &format!("--mode {mode} --order {order}")));
        assert_eq!(as_written, pool_first, "{mode}");
    }
}

/// The reference and sampling are of the network that is compiled.
#[test]
fn what_is_compared_has_the_same_order() {
    let dir = with_image(NET, None);
    for order in ORDERS {
        let check = dir.pfp(&format!("check net.mlir --params net.safetensors --order {order}"));
        assert_eq!(check.code, Some(0), "{check:#?}");
    }
}

/// The parameters say whether a slope is negative.
#[test]
fn slopes_of_channels_decide() {
    for (slopes, layers) in
        [([0.25, 0.0], ["max_pool2d", "prelu"]), ([0.25, -0.125], ["prelu", "max_pool2d"])]
    {
        let dir = with_image(PRELU, Some(slopes));
        let (_, mut found) = manifest(&dir, "");
        found.retain(|op| layers.contains(&op.as_str()));
        assert_eq!(found, layers);
        let check = dir.pfp("check net.mlir --params net.safetensors");
        assert_eq!(check.code, Some(0), "{check:#?}");
        let [as_written, pool_first] =
            ORDERS.map(|order| outputs(&dir, &format!("--mode mean --order {order}")));
        assert_eq!(as_written, pool_first);
    }
}

/// The published moments of LeNet are those of its order as written, and no others. Means within 1e-4
/// standard deviations and 1e-6 relative, variances within 2e-5 relative: float32 through twelve layers.
#[test]
fn as_written_gives_the_published_moments() {
    let Some(data) = shared_data() else { return };
    let golden = data.join("golden/lenet_softplus.safetensors");
    let bytes = std::fs::read(&golden).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let expected = |name: &str| -> Vec<f64> {
        let tensor = tensors.tensor(&format!("mnist.factor_1.0.{name}")).unwrap();
        tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (means, variances) = (expected("mean"), expected("var"));
    let run = |order: &str| {
        let ran = Dir::empty().pfp(&format!(
            "run {} --params {} --input {}:mnist.input --batch 64 --order {order} --json -q",
            repository().join("test/models/lenet.mlir").display(),
            data.join("models/lenet_dirty_mnist_softplus.safetensors").display(),
            golden.display(),
        ));
        let outputs = ran.json()["outputs"].clone();
        [0, 1].map(|output| {
            let values = outputs[output]["values"].as_array().unwrap().clone();
            values.iter().map(|value| value.as_f64().unwrap()).collect::<Vec<_>>()
        })
    };
    let are_published = |[mean, variance]: [Vec<f64>; 2]| {
        assert_eq!([mean.len(), variance.len()], [means.len(), variances.len()]);
        let of_means =
            (mean.iter().zip(&means)).zip(&variances).all(|((actual, mean), variance)| {
                (actual - mean).abs() <= 1e-4 * variance.sqrt() + 1e-6 * mean.abs()
            });
        let of_variances = variance.iter().zip(&variances);
        of_means && of_variances.into_iter().all(|(actual, v)| (actual - v).abs() <= 2e-5 * v)
    };
    assert_eq!(ORDERS.map(|order| are_published(run(order))), [true, false]);
}

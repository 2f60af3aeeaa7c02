//! scratch
use gauss_lowering::target::Target;
use pfp_compiler::{
    diagnostics::Source,
    gradient::{Differentiated, Wanted},
    jit::CompiledModel,
    module::Session,
};
use std::time::Instant;
#[test]
fn step_time() {
    let path = std::env::var("STEP").unwrap();
    let items: i64 = std::env::var("ITEMS").unwrap_or("100".into()).parse().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let session = Session::new();
    let module = session
        .parse(&Source::with(
            "test.mlir".to_owned(),
            text.as_bytes(),
            Default::default(),
            pfp_compiler::diagnostics::Covariance::Diagonal,
        ))
        .unwrap();
    let loss = std::env::var("LOSS").unwrap_or("cross-entropy".into()).parse().unwrap();
    let wanted = Wanted {
        function: None,
        items,
        loss,
        is_mean: std::env::var("MEAN").is_ok(),
        only_loss: false,
    };
    let t = Instant::now();
    let d = Differentiated::of(module, &wanted).unwrap();
    let function = d.network.function(None).unwrap();
    let options = pfp_compiler::compile::Options {
        profile: std::env::var("PROFILE").is_ok(),
        ..Default::default()
    };
    let c = d.network.compile(function, &Target::host(), &options, &|_| {}).unwrap();
    println!("compiled in {:?}, arena {} object {}", t.elapsed(), c.arena.bytes, c.object.len());
    let model = CompiledModel::new(&c).unwrap();
    let sig = model.signature();
    let inputs: Vec<Vec<f32>> = sig
        .input_buffers()
        .iter()
        .enumerate()
        .map(|(k, b)| {
            (0..b.tensor.elements())
                .map(|i| ((i * 7919 + k * 31) % 1009) as f32 / 1009.0 * 0.05 + 0.001)
                .collect()
        })
        .collect();
    let slices: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let mut outputs: Vec<Vec<f32>> =
        sig.output_buffers().iter().map(|b| vec![0.0; b.tensor.elements()]).collect();
    let mut out: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut arena = model.arena();
    let executor = pfp_runtime::Executor::serial();
    let mut call = model.prepare(&slices, &mut out, &mut arena, &executor).unwrap();
    for _ in 0..20 {
        call.run().unwrap();
    }
    let mut times: Vec<f64> = (0..100)
        .map(|_| {
            let t = Instant::now();
            call.run().unwrap();
            t.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("step {:.3} ms (min {:.3})", times[50], times[0]);
    let mut spent = vec![0.0; c.kernels.len()];
    for _ in 0..50 {
        let one = pfp_compiler::profile::of(c.kernels.len(), || call.run()).unwrap();
        spent.iter_mut().zip(one).for_each(|(s, o)| *s += o / 50.0);
    }
    for (k, t) in c.kernels.iter().zip(spent) {
        println!(
            "{t:9.1} us {:40} {}",
            k.kernel,
            serde_json::to_string(k).unwrap().chars().take(420).collect::<String>()
        );
    }
}

//! Latency of the built-in networks, compiled for this machine.

use std::{fs, path::Path};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gauss_lowering::target::Target;
use pfp::{
    compile::Network, diagnostics::Source, jit::CompiledModel, module::Session,
    parameters::Safetensors,
};

const PIXELS: usize = 64;

fn compiled(network: &str, batch: usize) -> CompiledModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits");
    let module = fs::read(folder.join(format!("{network}.mlir"))).expect("the built-in module");
    let parameters = Safetensors::open(&folder.join(format!("{network}.safetensors")));
    let parameters = parameters.expect("the built-in parameters");
    let session = Session::new();
    let source = Source::new(network, module);
    let network = Network::open(&session, &source, Some(&parameters), Some(batch as i64))
        .expect("a valid network");
    let function = network.function(None).expect("one function");
    let compiled = network.compile(function, &Target::host(), &Default::default(), &|_| {});
    CompiledModel::new(&compiled.expect("it compiles")).expect("it links")
}

fn latency(criterion: &mut Criterion) {
    for network in ["mlp", "cnn"] {
        let mut group = criterion.benchmark_group(format!("digits_{network}"));
        for batch in [1, 10, 100] {
            let model = compiled(network, batch);
            let input: Vec<f32> =
                (0..batch * PIXELS).map(|i| (i % 17) as f32 / 16.0 - 0.5).collect();
            let mut outputs = [vec![0.0; batch * 10], vec![0.0; batch * 10]];
            let mut arena = model.arena();
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new("compiled", batch), |bencher| {
                let [mean, variance] = &mut outputs;
                bencher.iter(|| {
                    model.run_into(&[&input], &mut [mean, variance], &mut arena).expect("it runs");
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, latency);
criterion_main!(benches);

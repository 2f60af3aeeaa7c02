//! `pfp board test`: each step of a run, with its time.

use std::time::{Duration, Instant};

use pfp_agent::protocol::{Reply, Request, Sensors};
use pfp_compiler::{
    array::Array,
    compile::{Network, Options},
    diagnostics::Source,
    error::Error,
    module::Session,
};
use pfp_evaluate::{
    batches::{self, Items},
    device::Device,
    reference::{self, Reference},
};
use serde::Serialize;

use crate::{
    board::{device::BoardDevice, file::Board},
    cli::{Outcome, Ui, table::Table},
};

/// A network that needs no parameters.
const NETWORK: &str = "func.func @probe(%x: !gauss.tensor<4x16xf32>) -> !gauss.tensor<4x16xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<4x16xf32>) -> !gauss.tensor<4x16xf32>
  return %0 : !gauss.tensor<4x16xf32>
}
";

/// The largest error of the network against its reference.
const TOLERANCE: f64 = 1e-4;

/// What came of a step.
#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    /// How long it took.
    milliseconds: Option<f64>,
    /// What was found.
    found: String,
}

#[derive(Debug, Serialize)]
struct Report {
    board: String,
    steps: Vec<Step>,
    passed: bool,
}

pub fn test(board: &Board, name: &str, ui: &Ui) -> Result<Outcome, Error> {
    ui.stage(&format!("connecting to {}", board.host));
    let device = BoardDevice::open(board, &[], ui.teller())?;
    let connection = &device.connection;
    let mut steps = Vec::new();
    let mut add = |step, time: Option<Duration>, found: String| {
        let milliseconds = time.map(|time| time.as_secs_f64() * 1e3);
        steps.push(Step { step, milliseconds, found });
    };
    add(
        "agent put there",
        connection.uploaded,
        match connection.uploaded {
            Some(_) => "it was missing".into(),
            None => "it was there".into(),
        },
    );
    let found = &connection.board;
    add(
        "ssh and agent",
        Some(connection.started),
        format!("{}, {} CPU(s)", found.name, found.cpus),
    );
    ui.stage("running a network");
    let session = Session::new();
    let source = Source::as_written("probe.mlir", NETWORK);
    let network = Network::open(&session, &source, None, None)?;
    let function = network.function(None)?;
    let compiled = network.compile(function, device.target(), &Options::default(), &|_| ())?;
    let start = Instant::now();
    let model = device.load(&compiled)?;
    let what = format!("{} bytes, for {}", compiled.object.len(), device.target().cpu);
    add("object mapped", Some(start.elapsed()), what);
    let arrays = inputs(&function.signature);
    let items = Items::new(&function.signature, &arrays)?;
    let start = Instant::now();
    let results = reference::moments(&function.signature, &batches::run(&*model, &items, &|_| ())?);
    let time = start.elapsed();
    let expected = Reference::new(&network, function)?.run(&items, &|_| ())?;
    let errors = reference::compare(&results, &expected);
    let error = errors.iter().map(reference::Comparison::max).fold(0.0, f64::max);
    let passed = error <= TOLERANCE;
    add("network run", Some(time), format!("errors up to {error:.1e} against the reference"));
    let start = Instant::now();
    if let (Reply::Conditions(sensors), _) = connection.ask(&Request::Conditions, &[])? {
        let time = start.elapsed();
        for (index, (step, found)) in told(&sensors).into_iter().enumerate() {
            add(step, (index == 0).then_some(time), found);
        }
    }
    let report = Report { board: name.to_owned(), steps, passed };
    match ui.json() {
        true => ui.print_json(&report)?,
        false => ui.print(text(&report))?,
    }
    Ok(if passed { Outcome::Done } else { Outcome::Rejected })
}

fn inputs(signature: &pfp_compiler::signature::Signature) -> Vec<Array> {
    let array = |buffer: &pfp_compiler::signature::Buffer| {
        let elements = buffer.tensor.elements();
        let value = |index: usize| match buffer.is_variance() {
            true => 0.25 + index as f32 / 64.0,
            false => index as f32 / 16.0 - 2.0,
        };
        Array { shape: buffer.tensor.shape.clone(), values: (0..elements).map(value).collect() }
    };
    signature.input_buffers().iter().map(array).collect()
}

/// What the board tells, in words.
fn told(sensors: &Sensors) -> Vec<(&'static str, String)> {
    let now = &sensors.now;
    let none = |text: String| if text.is_empty() { "not told".to_owned() } else { text };
    let clocks: Vec<_> = now.clocks.values().map(|clock| (clock / 1000).to_string()).collect();
    let clocks =
        if clocks.is_empty() { String::new() } else { format!("{} MHz", clocks.join(", ")) };
    let governor = now.governor.as_ref().map_or(String::new(), |name| format!(", governor {name}"));
    let degrees = |(zone, degrees): &(String, f64)| format!("{zone} {degrees:.1} °C");
    let temperatures: Vec<_> = now.temperatures.iter().map(degrees).collect();
    let energy = match sensors.energy.is_empty() {
        true => "none: joules are not told".to_owned(),
        false => sensors.energy.join(", "),
    };
    vec![
        ("clock", none(clocks + &governor)),
        ("temperature", none(temperatures.join(", "))),
        (
            "throttled",
            match now.throttled.is_empty() {
                true => "no".into(),
                false => now.throttled.join(", "),
            },
        ),
        ("sensors of energy", energy),
        ("hardware counters", sensors.no_counters.clone().unwrap_or_else(|| "all".into())),
    ]
}

fn text(report: &Report) -> String {
    let mut table = Table::new(&["step", "ms", "found"], 3);
    for step in &report.steps {
        let time = step.milliseconds.map_or("-".into(), |time| format!("{time:.1}"));
        table.row(vec![step.step.to_owned(), time, step.found.clone()]);
    }
    let verdict = match report.passed {
        true => format!("ok: {} can be used", report.board),
        false => format!("FAILED: {} does not compute what it should", report.board),
    };
    format!("{table}\n\n{verdict}")
}

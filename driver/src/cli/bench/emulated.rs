//! `pfp bench --target`: what a call executes, kernel by kernel, without a board.

use std::collections::BTreeMap;

use gauss_lowering::target::Target;
use pfp_compiler::{compile::Compiled, error::Error, output::Outputs};
use serde::Serialize;

use super::{
    BenchArgs,
    answer::{Answer, Profile},
    for_each_compiled,
};
use crate::{
    cli::{
        Outcome, Ui,
        check::random_inputs,
        table::{Table, grouped},
    },
    emulator::{self, cycles::Cycles, trace::total},
};

#[derive(Debug, Serialize)]
struct Report {
    target: String,
    cpu: String,
    /// What counted instructions.
    instructions_by: String,
    /// What cycles are by.
    #[serde(skip_serializing_if = "Option::is_none")]
    cycles_by: Option<String>,
    results: Vec<Counted>,
}

/// A call for a batch.
#[derive(Debug, Serialize)]
struct Counted {
    batch: i64,
    #[serde(flatten)]
    call: Count,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile: Vec<Kernel>,
}

#[derive(Debug, Serialize)]
struct Kernel {
    kernel: String,
    #[serde(flatten)]
    count: Count,
    /// Of the cycles; of the instructions where there are none.
    share: f64,
    /// Of its sums, on elements of results.
    multiply_adds: i64,
}

/// What is executed, and how long it takes by the model.
#[derive(Debug, Clone, Copy, Serialize)]
struct Count {
    instructions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_cycles: Option<f64>,
}

impl Count {
    fn weight(&self) -> f64 {
        self.model_cycles.unwrap_or(self.instructions as f64)
    }
}

pub fn bench(args: &BenchArgs, target: &Target, files: Outputs, ui: &Ui) -> Result<Outcome, Error> {
    if !target.triple.starts_with("aarch64") {
        let message = format!("code for {} is not emulated", target.triple);
        return Err(Error::request(message).with_help(
            "leave out --target to time it on this machine, or name a board: --on NAME",
        ));
    }
    if args.threads != [1] {
        return Err(Error::request("an emulated call has one thread")
            .with_help("leave out --threads, or name a board: --on NAME"));
    }
    let instructions_by = emulator::version()?;
    let mut model = Cycles::of(&target.cpu);
    let cycles_by = match model.name() {
        Ok(name) => Some(name),
        Err(error) => {
            ui.say(&format!("NOTE: no cycles: {error}"));
            None
        }
    };
    let mut results = Vec::new();
    for_each_compiled(args, target, ui, &mut |compiled, batch| {
        let model = cycles_by.as_ref().map(|_| &mut model);
        results.push(count(args, compiled, batch, model, ui)?);
        Ok(())
    })?;
    let (target, cpu) = (target.triple.clone(), target.cpu.clone());
    let report = Report { target, cpu, instructions_by, cycles_by, results };
    let answer = answer(&report);
    files.write(args.report.iter().map(|_| answer.page(&args.module)).collect())?;
    match ui.json() {
        true => ui.print_json(&report)?,
        false => ui.print(answer.text())?,
    }
    Ok(Outcome::Done)
}

/// Emulates a call.
fn count(
    args: &BenchArgs,
    compiled: &Compiled,
    batch: Option<i64>,
    mut model: Option<&mut Cycles>,
    ui: &Ui,
) -> Result<Counted, Error> {
    let signature = &compiled.function.signature;
    let inputs = random_inputs(signature, signature.batch(), 0)?;
    let inputs: Vec<_> = inputs.into_iter().map(|input| input.values).collect();
    ui.stage("emulating a call");
    let (program, trace) = emulator::run(compiled, &inputs)?;
    ui.stage("asking the model");
    let mut count = |executions: &BTreeMap<u64, u64>| {
        let cycles = model.as_mut().map(|model| model.total(&program, executions));
        let model_cycles = cycles.transpose()?;
        Ok::<_, Error>(Count { instructions: total(executions), model_cycles })
    };
    let call = count(&trace.all())?;
    let mut profile = Vec::new();
    if args.profile {
        let nothing = BTreeMap::new();
        for (number, kernel) in compiled.kernels.iter().enumerate() {
            let count = count(trace.kernels.get(number).unwrap_or(&nothing))?;
            profile.push(Kernel {
                kernel: kernel.kernel.clone(),
                count,
                share: count.weight() / call.weight().max(f64::MIN_POSITIVE),
                multiply_adds: kernel.multiply_adds,
            });
        }
    }
    Ok(Counted { batch: batch.unwrap_or(signature.batch() as i64), call, profile })
}

fn answer(report: &Report) -> Answer {
    let mut lines = vec![
        format!("{}, {}", report.target, report.cpu),
        format!("instructions of a call: {}", report.instructions_by),
    ];
    lines.extend(report.cycles_by.iter().map(|by| {
        format!("cycles, not measured: {by}; loads hit the first cache, branches are foreseen")
    }));
    let has_cycles = report.cycles_by.is_some();
    let head = |first: &'static str, last: &[&'static str]| {
        let cycles: &[_] = if has_cycles { &["cycles (model)"] } else { &[] };
        [&[first, "instructions (QEMU)"], cycles, last].concat()
    };
    let cells = |count: &Count| {
        let cycles = count.model_cycles.map(|cycles| grouped(cycles.round() as u64));
        [grouped(count.instructions)].into_iter().chain(cycles).collect::<Vec<_>>()
    };
    let mut calls = Table::new(&head("batch", &["per item"]), 0);
    for result in &report.results {
        let per_item = result.call.weight() / result.batch as f64;
        let mut row = vec![result.batch.to_string()];
        row.extend(cells(&result.call));
        row.push(grouped(per_item.round() as u64));
        calls.row(row);
    }
    let of_result = |result: &Counted| {
        let mut kernels = Table::new(&head("kernel", &["share", "multiply-adds"]), 1);
        for kernel in &result.profile {
            let mut row = vec![kernel.kernel.clone()];
            row.extend(cells(&kernel.count));
            row.push(format!("{:.1} %", 100.0 * kernel.share));
            row.push(match kernel.multiply_adds {
                0 => String::new(),
                sums => grouped(sums.unsigned_abs()),
            });
            kernels.row(row);
        }
        Profile {
            title: format!("batch {}", result.batch),
            told: None,
            kernels: (!result.profile.is_empty()).then_some(kernels),
            shares: result.profile.iter().map(|kernel| kernel.share).collect(),
            note: None,
        }
    };
    let profiles = report.results.iter().map(of_result).collect();
    Answer { lines, calls, profiles }
}

//! `pfp compile`.

use std::path::PathBuf;

use clap::Args;
use gauss_lowering::mode::Mode;
use pfp_compiler::{
    compile::{Network, Options, Schedules, branch_protection::BranchProtection},
    emit::{self, Kind, Manifest},
    error::Error,
    module::Session,
    output::Outputs,
    target::{self, HOST},
};
use serde_json::json;

use super::{HeadArgs, ModeArgs, ModelArgs, Outcome, ScheduleArgs, Ui, table::grouped, values};

/// Compile a network to an object file with a C header and a manifest
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pfp compile lenet.mlir --params lenet.safetensors -o build
  pfp compile lenet.mlir --params lenet.safetensors --target aarch64-linux-gnu --cpu cortex-a72 \\
      --emit=obj,header,rust -o build
  pfp compile lenet.mlir --params lenet.safetensors --mode sample:30 --seed 1 --draws -o build
  pfp compile lenet.mlir --params lenet.safetensors --head mean-field --reject-epistemic 0.3 \\
      --reject-aleatoric 0.7

Every public function of the module becomes a C function pfp_NAME in files of its name; see the
header for how it is called.")]
pub struct CompileArgs {
    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    mode: ModeArgs,

    /// Let the function also return the outputs of every forward pass
    #[arg(long)]
    draws: bool,

    #[command(flatten)]
    pub head: HeadArgs,

    /// Compile this function only
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,

    /// host, x86_64-linux-gnu, aarch64-linux-gnu or aarch64-none-elf
    #[arg(long, value_name = "TRIPLE", default_value = HOST)]
    target: String,

    /// The CPU, by its LLVM name [default: native on the host, else the least of the architecture]
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,

    /// Tasks that may run at the same time: adds pfp_NAME_parallel, which takes an executor
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,

    /// What guards indirect calls and return addresses, as GCC and Clang name it
    #[arg(long, value_name = "KIND", default_value = BranchProtection::default().name(),
          value_parser = values::one_of(BranchProtection::ALL, BranchProtection::describe))]
    branch_protection: BranchProtection,

    #[command(flatten)]
    schedule: ScheduleArgs,

    /// What to write
    #[arg(long, value_delimiter = ',', default_values = Kind::DEFAULT.map(|kind| kind.describe().0),
          value_parser = values::one_of(Kind::ALL, Kind::describe))]
    emit: Vec<Kind>,

    /// Where to write it
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl CompileArgs {
    /// What is computed.
    pub fn mode(&self) -> Result<Mode, Error> {
        self.mode.mode(self.draws)
    }

    /// What chooses the schedules of a network.
    pub fn schedules(&self, network: &Network) -> Result<Schedules, Error> {
        self.schedule.of(network)
    }
}

pub fn compile(args: CompileArgs, ui: &Ui) -> Result<Outcome, Error> {
    let target = target::find(&args.target, args.cpu.as_deref())?;
    args.branch_protection.check(&target)?;
    let mut kinds = args.emit.clone();
    kinds.sort();
    kinds.dedup();
    emit::check_tools(&kinds, &target.triple)?;
    let session = Session::new();
    let mode = args.mode()?;
    let network = args.head.open(&args.model, &session, (mode, args.function.as_deref()), ui)?;
    let functions = match &args.function {
        Some(name) => vec![network.function(Some(name))?],
        None => network.functions().iter().collect(),
    };
    emit::check_names(&network, &functions, &kinds)?;
    let options = Options {
        texts: emit::texts(&kinds),
        tasks: args.threads.into(),
        schedules: args.schedules(&network)?,
        branch_protection: args.branch_protection,
        mode,
        ..Options::default()
    };
    let mut outputs = Outputs::beside(args.model.files().chain(args.schedule.file()));
    for function in &functions {
        emit::open(&mut outputs, &function.name, &kinds, &args.output)?;
    }
    let mut all = Vec::new();
    let mut contents = Vec::new();
    for function in functions {
        let compiled = network.compile(function, &target, &options, &|stage| ui.stage(stage))?;
        ui.notes(compiled.unused_schedules(&options.schedules).as_slice());
        contents.extend(emit::contents(&compiled, &kinds)?);
        all.push(compiled);
    }
    ui.stage("writing files");
    let files = outputs.write(contents)?;
    let mut reports = Vec::new();
    let mut lines = Vec::new();
    for (compiled, files) in all.iter().zip(files.chunks(kinds.len())) {
        let files: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
        reports.push(json!({ "files": &files, "manifest": Manifest::of(compiled) }));
        lines.push(format!(
            "@{}: {} bytes of code, {} of weights, {} of arena, {} of stack\n  {}",
            compiled.function.name,
            grouped(compiled.report.text_bytes),
            grouped(compiled.weight_bytes),
            grouped(compiled.arena.bytes),
            grouped(compiled.report.stack_bound_bytes),
            files.join("\n  "),
        ));
    }
    for (compiled, note) in all.iter().filter_map(|each| Some((each, emit::elision(each)?))) {
        ui.say(&format!("NOTE: assembly and LLVM IR of @{}: {note}", compiled.function.name));
    }
    match ui.json() {
        true => ui.print_json(&json!({ "functions": reports }))?,
        false => ui.print(lines.join("\n"))?,
    }
    Ok(Outcome::Done)
}

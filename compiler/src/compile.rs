//! From a module and its parameters to machine code.

pub mod branch_protection;
pub mod codegen;
pub(crate) mod foreign;
pub mod object_file;
pub(crate) mod open_parameters;
pub mod wrapper;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use gauss_dialect::{
    ir::{Attribute, DYNAMIC, Op},
    parameters::ParameterSource,
};
use gauss_lowering::{
    kernel::{
        given::{Contents, MODEL},
        plan::{By, KernelSchedule},
    },
    mode::{Mode, Sampling},
    parameters::declared::Declared,
    passes::{
        gauss_append_head::Head,
        gauss_generate_kernels::KERNELS,
        gauss_pool_first::Order,
        gauss_track_covariance::{Returned, Tracked, Tracking},
    },
    target::Target,
};
use inkwell::{context::Context as LlvmContext, module::Module as LlvmModule};
pub use open_parameters::{LinearLayer, OpenNetwork};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    compile::{branch_protection::BranchProtection, codegen::Machine, object_file::Report},
    diagnostics::{Covariance, Remark, Source},
    error::Error,
    layers::{self, LayerSummary, Layers, Read},
    module::{Module, Session},
    parameters::Safetensors,
    posterior,
    signature::Signature,
};

/// The most bytes of weights that assembly and LLVM IR spell out: as text they are five times as
/// many.
pub const TEXT_WEIGHT_BYTES: u64 = 16 << 20;

/// Bytes that every arena starts at a multiple of.
pub const ARENA_ALIGN: u64 = 64;

/// Is told which step begins.
pub type OnStep<'a> = &'a dyn Fn(&str);

/// Over so many nodes a scale is mixed, where the budget has room for it.
const NODES: i64 = 5;

/// What is carried through a function of covariances.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Carried {
    /// How many dense layers carry covariances to the logits.
    pub layers: usize,
    /// How many nodes of shared scales are mixed, 0 where none is.
    pub nodes: i64,
    /// How many pools know the covariances within their windows.
    pub pools: usize,
    /// What it costs, in multiply-adds for the whole batch.
    pub multiply_adds: u64,
}

/// What a head may be given of covariances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The least budget that it takes, in times the multiply-adds of the network.
    pub budget: f64,
    /// What is carried.
    #[serde(flatten)]
    pub carried: Carried,
    /// Is it what the options of this network choose?
    #[serde(rename = "chosen")]
    pub is_chosen: bool,
}

/// A module with a fixed batch and loaded parameters, ready to be compiled or
/// interpreted.
pub struct Network<'s> {
    module: Module<'s>,
    functions: Vec<Function>,
    /// Is it in linalg already, with parts that must stay apart though they are equal?
    is_lowered: bool,
    has_free_batch: bool,
    module_sha256: String,
    parameters_sha256: Option<String>,
    remarks: Vec<String>,
    assumptions: Vec<Remark>,
    /// What was carried through functions of covariances.
    carried: BTreeMap<String, Carried>,
    /// The multiply-adds of functions without heads and covariances.
    costs: BTreeMap<String, u64>,
}

/// A public function of a network.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the module, a C identifier.
    pub name: String,
    /// What it takes and gives.
    pub signature: Signature,
    /// Its layers.
    pub layers: Vec<LayerSummary>,
    /// The names of the parameters that it uses, those of functions that it calls included.
    pub parameters: BTreeSet<String>,
    /// Where each of its results comes from.
    pub results: Vec<Vec<Read>>,
}

/// What else than the object is wanted of a compilation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts {
    /// Assembly.
    pub assembly: bool,
    /// Optimised LLVM IR.
    pub llvm: bool,
    /// Linalg on tensors, the last form that no target has shaped.
    pub mlir: bool,
}

/// What chooses the schedules of kernels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Schedules {
    /// What was measured on cores of the target's kind and is shipped, and else the model.
    #[default]
    Shipped,
    /// The model alone.
    Model,
    /// A schedule file or a database, and where they say nothing the model.
    File(PathBuf),
}

impl Schedules {
    /// What the file holds, where there is one.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or holds no schedules.
    pub fn read(&self) -> Result<Option<Contents>, Error> {
        let read = |path: &Path| {
            Contents::read(path).map_err(|error| {
                let message = format!("{} is not read as a schedule file: {error}", path.display());
                Error::request(message)
                    .with_help("pfp inspect --schedule prints one, pfp tune measures one")
            })
        };
        self.file().map(read).transpose()
    }

    /// The file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Shipped | Self::Model => None,
        }
    }
}

impl FromStr for Schedules {
    type Err = Infallible;

    /// The word `model`, or a path.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            MODEL => Self::Model,
            path => Self::File(path.into()),
        })
    }
}

/// How a function is compiled.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What else than the object is wanted.
    pub texts: Texts,
    /// What the function computes.
    pub mode: Mode,
    /// Tasks that may run at the same time; 0 and 1 mean none.
    pub tasks: usize,
    /// What chooses the schedules of kernels.
    pub schedules: Schedules,
    /// How many candidates to measure are listed for each kernel.
    pub candidates: usize,
    /// What guards indirect calls and return addresses.
    pub branch_protection: BranchProtection,
    /// Does each kernel call `pfp.profile_mark` at its end?
    pub profile: bool,
}

impl Options {
    /// The options of the pipeline that lowers a function.
    fn pipeline(
        &self,
        function: &Function,
        target: &Target,
        is_lowered: bool,
    ) -> Result<String, Error> {
        let mut options = format!("core={} report=true {}", target.name, self.mode.options());
        match is_lowered {
            true => options += " lowered=true",
            false => {
                options += &format!(" network={}", function.digest(self.mode, self.tasks));
            }
        }
        if self.tasks > 1 {
            options += &format!(" tasks={}", self.tasks);
        }
        if self.profile {
            options += " profile=true";
        }
        if self.candidates > 0 {
            options += &format!(" candidates={}", self.candidates);
        }
        match &self.schedules {
            Schedules::Shipped => {}
            Schedules::Model => options += &format!(" schedule={MODEL}"),
            Schedules::File(path) => {
                self.schedules.read()?;
                let text = path.to_str().filter(|text| !text.contains(['"', '{', '}']));
                let text = text.ok_or_else(|| {
                    Error::request(format!("the path {} cannot be passed on", path.display()))
                        .with_help("use a path in UTF-8 without double quotes and braces")
                })?;
                // A file may have the name of the word.
                let text = if text == MODEL { format!("./{text}") } else { text.to_owned() };
                options += &format!(" schedule=\"{text}\"");
            }
        }
        Ok(format!("gauss-to-llvm{{{options}}}"))
    }
}

/// A compiled function.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The function.
    pub function: Function,
    /// What it computes; the signature of the function is that of this mode.
    pub mode: Mode,
    /// In which order it takes maxima of Gaussians, and activations.
    pub order: Order,
    /// What it carries of covariances.
    pub covariance: Carried,
    /// What it was compiled for.
    pub target: Target,
    /// What guards indirect calls and return addresses.
    pub branch_protection: BranchProtection,
    /// Its scratch memory.
    pub arena: Arena,
    /// Its kernels, in the order in which they run.
    pub kernels: Vec<KernelSchedule>,
    /// Does each kernel call `pfp.profile_mark` at its end?
    pub is_profiled: bool,
    /// The most tasks that run at the same time; 1 where it was compiled without.
    pub tasks: usize,
    /// Bytes of weights, as they are packed for the target.
    pub weight_bytes: u64,
    /// The object file.
    pub object: Vec<u8>,
    /// Measures of the object file.
    pub report: Report,
    /// Do assembly and LLVM IR only declare the constants?
    pub elided: bool,
    /// Assembly, where wanted.
    pub assembly: Option<Vec<u8>>,
    /// LLVM IR, where wanted.
    pub llvm: Option<String>,
    /// Linalg on tensors, where wanted.
    pub mlir: Option<String>,
    /// SHA-256 of the module's text.
    pub module_sha256: String,
    /// SHA-256 of the parameter file.
    pub parameters_sha256: Option<String>,
}

/// The scratch memory of a function.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arena {
    /// Its size.
    pub bytes: u64,
    /// What lies where, and when.
    pub plan: Vec<Slot>,
}

/// A buffer of the arena. Buffers that live at the same time do not overlap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slot {
    /// Where it starts.
    pub offset: u64,
    /// Its size.
    pub bytes: u64,
    /// The step that writes it first.
    pub first: u64,
    /// The step that reads it last.
    pub last: u64,
}

/// A function in the LLVM dialect.
pub struct Lowered<'s> {
    /// The module, which exports this function only.
    pub module: Module<'s>,
    /// The scratch memory of the function.
    pub arena: Arena,
    /// Its kernels, in the order in which they run.
    pub kernels: Vec<KernelSchedule>,
    /// The module as linalg on tensors, where wanted.
    pub mlir: Option<String>,
}

impl<'s> Network<'s> {
    /// Parses a module, takes maxima in the order of its source, fixes a `?` batch (to 1 where none is
    /// given) and loads the parameters.
    ///
    /// # Errors
    ///
    /// Where the module is invalid or has ops that are none of a network, the batch or the
    /// parameters do not fit, or a function cannot be exported.
    pub fn open(
        session: &'s Session,
        source: &Arc<Source>,
        parameters: Option<&Safetensors>,
        batch: Option<i64>,
    ) -> Result<Self, Error> {
        let module = session.parse(source)?;
        foreign::check(&module)?;
        let declared = Declared::all(module.op()).into_iter();
        let declared: Vec<_> = declared.map(|Declared { name, ty, .. }| (name, ty)).collect();
        let parameter_source = parameters.map(|file| file as &dyn ParameterSource);
        let mut network = Self::of_module(module, parameter_source, batch)?;
        if let Some(file) = parameters {
            network.parameters_sha256 = Some(sha256(file.bytes()));
            network.remarks = posterior::remarks(file, &declared);
        }
        Ok(network)
    }

    /// As [`Network::open`], with parameters from anywhere.
    ///
    /// # Errors
    ///
    /// As [`Network::open`].
    pub fn with_source(
        session: &'s Session,
        source: &Arc<Source>,
        parameters: Option<&dyn ParameterSource>,
        batch: Option<i64>,
    ) -> Result<Self, Error> {
        let module = session.parse(source)?;
        foreign::check(&module)?;
        Self::of_module(module, parameters, batch)
    }

    /// As [`Network::with_source`], of a module that may hold any ops that lower.
    ///
    /// # Errors
    ///
    /// Where the batch or the parameters do not fit, or a function cannot be exported.
    pub fn of_module(
        mut module: Module<'s>,
        parameters: Option<&dyn ParameterSource>,
        batch: Option<i64>,
    ) -> Result<Self, Error> {
        module.check_calls()?;
        module.take_order(parameters);
        let has_free_batch = fix_batch(&mut module, batch)?;
        let functions = public_functions(&module)?;
        // A parameter has its name until it is loaded.
        let assumptions = module.assumptions();
        match parameters {
            Some(parameters) => module.load_parameters(parameters)?,
            None => check_no_parameters(&module)?,
        }
        Ok(Self { has_free_batch, assumptions, ..Self::with_functions(module, functions) })
    }

    /// A module of functions on plain tensors, in linalg.
    ///
    /// # Errors
    ///
    /// Where a function cannot be exported.
    pub fn lowered(module: Module<'s>) -> Result<Self, Error> {
        let functions = public_functions(&module)?;
        Ok(Self { is_lowered: true, ..Self::with_functions(module, functions) })
    }

    /// The module alone.
    pub(crate) fn into_module(self) -> Module<'s> {
        self.module
    }

    fn with_functions(module: Module<'s>, functions: Vec<Function>) -> Self {
        Self {
            module_sha256: sha256(module.source().bytes()),
            costs: costs_of(&functions),
            module,
            functions,
            is_lowered: false,
            has_free_batch: false,
            parameters_sha256: None,
            remarks: Vec::new(),
            assumptions: Vec::new(),
            carried: BTreeMap::new(),
        }
    }

    /// What a person should know of the parameters: of their rounding, and of variances that can
    /// hardly be meant.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Where the network uses a value twice and independence is assumed.
    pub fn assumptions(&self) -> &[Remark] {
        &self.assumptions
    }

    /// Does the module leave the batch to its compilation?
    pub fn has_free_batch(&self) -> bool {
        self.has_free_batch
    }

    /// SHA-256 of the module's text and of the parameter file.
    pub fn sha256(&self) -> (String, Option<String>) {
        (self.module_sha256.clone(), self.parameters_sha256.clone())
    }

    /// Lays out the arguments of a function.
    pub(crate) fn with_buffers(
        mut self,
        function: &str,
        buffers: &gauss_lowering::buffers::Buffers,
    ) -> Result<Self, Error> {
        let functions = gauss_lowering::functions::public(self.module.op(), Some(function));
        functions.into_iter().for_each(|op| buffers.write(op));
        self.read_functions()?;
        Ok(self)
    }

    /// Appends a head to one public function, or to all.
    ///
    /// # Errors
    ///
    /// Where there is no such function, or its outputs do not fit the head.
    pub fn append_head(&mut self, head: &Head, function: Option<&str>) -> Result<(), Error> {
        let name = match function {
            Some(name) => Some(self.function(Some(name))?.name.clone()),
            None => None,
        };
        self.module.append_head(head, name.as_deref())?;
        self.track_covariance(name.as_deref(), Returned::Nothing)?;
        self.read_functions()
    }

    /// Lets one public function, or each, return the covariances of its Gaussian output, too.
    ///
    /// # Errors
    ///
    /// Where there is no such function, or its covariances are not known.
    pub fn return_covariance(
        &mut self,
        function: Option<&str>,
        returned: Returned,
    ) -> Result<(), Error> {
        let name = match function {
            Some(name) => Some(self.function(Some(name))?.name.clone()),
            None => None,
        };
        self.track_covariance(name.as_deref(), returned)?;
        self.read_functions()
    }

    /// A network of which this function also returns what a head would be given for at most so many
    /// multiply-adds, of a mixture at each node.
    ///
    /// # Errors
    ///
    /// Where its covariances are not known.
    pub fn with_covariance(&self, function: &str, work: u64) -> Result<Self, Error> {
        let mut network = Self {
            module: self.module.duplicate(),
            functions: self.functions.clone(),
            module_sha256: self.module_sha256.clone(),
            parameters_sha256: self.parameters_sha256.clone(),
            remarks: Vec::new(),
            assumptions: Vec::new(),
            carried: self.carried.clone(),
            costs: self.costs.clone(),
            ..*self
        };
        let returned = Returned::OfNodes;
        network.carry(function, Tracking { layers: usize::MAX, nodes: NODES, work, returned })?;
        network.read_functions()?;
        Ok(network)
    }

    /// Would a head of this function be given covariances?
    ///
    /// # Errors
    ///
    /// Where there is no such function.
    pub fn carries_covariance(&self, function: Option<&str>) -> Result<bool, Error> {
        let name = self.function(function)?.name.clone();
        let tracking = self.limits(&name, Returned::Matrix);
        Ok(self.module.covariance_plan(tracking, &name).is_some())
    }

    /// What a head of this function would be given, by the budget from which on: each choice up to the most.
    ///
    /// # Errors
    ///
    /// Where there is no such function.
    pub fn covariance_choices(&self, function: Option<&str>) -> Result<Vec<Choice>, Error> {
        let function = self.function(function)?;
        let cost = self.cost(&function.name);
        let allowed = self.limits(&function.name, Returned::Nothing).work;
        let returned = Returned::Nothing;
        let limits = Tracking { layers: usize::MAX, nodes: NODES, work: u64::MAX, returned };
        // From the most work down, each plan with one multiply-add less than the one before.
        let mut plans: Vec<Tracked> = Vec::new();
        let mut work = Some(u64::MAX);
        while let Some(most) = work {
            let limits = Tracking { work: most, ..limits };
            let Some(plan) = self.module.covariance_plan(limits, &function.name) else { break };
            work = plan.work.checked_sub(1);
            plans.push(plan);
        }
        let costs = self.module.window_costs(&function.name);
        let mut choices = Vec::new();
        for (number, plan) in plans.iter().enumerate().rev() {
            let next = number.checked_sub(1).map_or(u64::MAX, |next| plans[next].work);
            let mut total = plan.work;
            for pools in 0..=costs.len() {
                total = total.saturating_add(pools.checked_sub(1).map_or(0, |last| costs[last]));
                if total < next {
                    let Tracked { layers, nodes, .. } = *plan;
                    let carried = Carried { layers, nodes, pools, multiply_adds: total };
                    let budget = 1.0 + total as f64 / (cost as f64).max(1.0);
                    choices.push(Choice { budget, carried, is_chosen: false });
                }
            }
        }
        let chosen =
            choices.iter_mut().rev().find(|choice| choice.carried.multiply_adds <= allowed);
        if let Some(chosen) = chosen.filter(|_| allowed > 0) {
            chosen.is_chosen = true;
        }
        Ok(choices)
    }

    /// The multiply-adds of a function without heads and covariances.
    fn cost(&self, function: &str) -> u64 {
        self.costs.get(function).copied().unwrap_or(0)
    }

    /// How far covariances may be carried.
    fn limits(&self, function: &str, returned: Returned) -> Tracking {
        let cost = self.cost(function);
        let (layers, nodes, work) = match self.module.source().covariance() {
            Covariance::Diagonal => (0, 0, 0),
            Covariance::Within(budget) => {
                // A budget of a choice has room for it, whatever is rounded.
                (usize::MAX, NODES, (cost as f64 * (budget - 1.0)).round() as u64)
            }
            Covariance::Full => (usize::MAX, NODES, u64::MAX),
        };
        Tracking { layers, nodes, work, returned }
    }

    /// Carries the covariances that the source asks for.
    fn track_covariance(
        &mut self,
        function: Option<&str>,
        returned: Returned,
    ) -> Result<(), Error> {
        let wanted = |known: &&Function| function.is_none_or(|name| known.name == name);
        let functions: Vec<_> = self.functions.iter().filter(wanted).cloned().collect();
        for Function { name, .. } in functions {
            let mut tracking = self.limits(&name, returned);
            // A budget is spent once, by a head and by what is returned.
            tracking.work = tracking.work.saturating_sub(self.carried(&name).multiply_adds);
            self.carry(&name, tracking)?;
        }
        Ok(())
    }

    /// Carries covariances through a function within the limits.
    fn carry(&mut self, function: &str, tracking: Tracking) -> Result<(), Error> {
        let tracked = self.module.track_covariance(tracking, function)?;
        let left = tracking.work.saturating_sub(tracked.work);
        let windows = self.module.correlate_windows(left, function)?;
        let carried = self.carried.entry(function.to_owned()).or_default();
        carried.layers += tracked.layers;
        carried.nodes = carried.nodes.max(tracked.nodes);
        carried.pools += windows.pools;
        let work = tracked.work.saturating_add(windows.work);
        carried.multiply_adds = carried.multiply_adds.saturating_add(work);
        Ok(())
    }

    /// Reads the public functions again.
    fn read_functions(&mut self) -> Result<(), Error> {
        let before = std::mem::replace(&mut self.functions, public_functions(&self.module)?);
        // Parameters that are loaded have no names: what was known of the layers before stays.
        for (function, known) in self.functions.iter_mut().zip(before) {
            let count = known.layers.len().min(function.layers.len());
            function.layers.splice(..count, known.layers);
            function.parameters = known.parameters;
        }
        Ok(())
    }

    /// What was carried through a function of covariances.
    pub fn carried(&self, function: &str) -> Carried {
        self.carried.get(function).cloned().unwrap_or_default()
    }

    /// The public functions, in the order of the module.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The module with its parameters, for the interpreter.
    pub fn op(&self) -> Op {
        self.module.op()
    }

    /// One public function: the one of this name, or the only one there is.
    ///
    /// # Errors
    ///
    /// Where there is no such function, or several and no name.
    pub fn function(&self, name: Option<&str>) -> Result<&Function, Error> {
        match (name, &self.functions[..]) {
            (None, [function]) => Ok(function),
            (None, functions) => Err(Error::request(format!(
                "{} has {} public functions",
                self.module.source().name(),
                functions.len()
            ))
            .with_help(format!("choose one with --function: {}", self.names()))),
            (Some(name), functions) => {
                let name = name.strip_prefix('@').unwrap_or(name);
                functions.iter().find(|function| function.name == name).ok_or_else(|| {
                    Error::request(format!(
                        "{} has no public function @{name}",
                        self.module.source().name()
                    ))
                    .with_help(format!("its public functions: {}", self.names()))
                })
            }
        }
    }

    /// An error of a public function, in the words `'func.func' op message`.
    pub fn reject(&self, function: &Function, message: &str) -> Error {
        let is_it = |op: &Op| op.symbol().as_deref() == Some(&function.name);
        match functions(&self.module).into_iter().find(is_it) {
            Some(op) => self.module.reject(op, message),
            None => Error::request(format!("@{} {message}", function.name)),
        }
    }

    fn names(&self) -> String {
        self.functions.iter().map(|f| format!("@{}", f.name)).collect::<Vec<_>>().join(", ")
    }

    /// Lowers a function to the LLVM dialect.
    ///
    /// # Errors
    ///
    /// Where a pass fails, which diagnostics explain, or the options cannot be passed on.
    pub fn lower(
        &self,
        function: &Function,
        target: &Target,
        options: &Options,
    ) -> Result<Lowered<'s>, Error> {
        let mut module = self.module.duplicate();
        let private = module.op().context().string_attr("private");
        for op in functions(&module) {
            if op.symbol().as_deref() != Some(&function.name) {
                op.set_attribute("sym_visibility", private);
            }
        }
        module.run("symbol-dce")?;
        let mlir = match options.texts.mlir {
            true => {
                let mut linalg = module.duplicate();
                linalg.run(&format!("gauss-to-linalg{{{}}}", options.mode.options()))?;
                Some(linalg.op().to_string())
            }
            false => None,
        };
        module.run(&options.pipeline(function, target, self.is_lowered)?)?;
        let symbol = function.symbol();
        let (arena, kernels) = (read_arena(&module, &symbol)?, read_kernels(&module, &symbol)?);
        Ok(Lowered { module, arena, kernels, mlir })
    }

    /// Checks that a schedule file names functions of this network only.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or names another.
    pub fn check_schedules(&self, schedules: &Schedules) -> Result<(), Error> {
        let Some(Contents::File(file)) = schedules.read()? else { return Ok(()) };
        let is_known = |name: &String| self.functions.iter().any(|known| known.name == *name);
        match file.kernels.iter().find(|kernel| !is_known(&kernel.function)) {
            None => Ok(()),
            Some(kernel) => Err(Error::request(format!(
                "{} has a schedule for @{}, which {} does not have",
                schedules.file().unwrap_or(Path::new("")).display(),
                kernel.function,
                self.module.source().name()
            ))
            .with_help(format!("its public functions: {}", self.names()))),
        }
    }

    /// Compiles a function.
    ///
    /// # Errors
    ///
    /// As [`Network::lower`], and where LLVM fails, which is a fault of the compiler.
    pub fn compile(
        &self,
        function: &Function,
        target: &Target,
        options: &Options,
        watch: OnStep,
    ) -> Result<Compiled, Error> {
        watch("lowering");
        let texts = options.texts;
        let lowered = self.lower(function, target, options)?;
        watch("optimising");
        let machine = Machine::new(target, options.branch_protection)?;
        let context = LlvmContext::create();
        let module = machine.translate(&lowered.module, &function.name, &context)?;
        let signature = function.signature.in_mode(options.mode);
        check_parameters(&module, &function.symbol(), &signature)?;
        let weight_bytes = machine.constant_bytes(&module);
        machine.optimise(&module)?;
        watch("generating code");
        let object = machine.object(&module)?;
        let report = Report::of(&object)?;
        let elided = (texts.assembly || texts.llvm) && weight_bytes > TEXT_WEIGHT_BYTES;
        if elided {
            machine.elide_constants(&module);
        }
        let assembly = texts.assembly.then(|| machine.assembly(&module)).transpose()?;
        let layers = function.layers.iter().map(|layer| layer.in_mode(options.mode)).collect();
        Ok(Compiled {
            function: Function { signature, layers, ..function.clone() },
            mode: options.mode,
            order: self.module.source().order(),
            covariance: self.carried(&function.name),
            target: target.clone(),
            branch_protection: options.branch_protection,
            arena: lowered.arena,
            kernels: lowered.kernels,
            is_profiled: options.profile,
            tasks: options.tasks.max(1),
            weight_bytes,
            object,
            report,
            elided,
            assembly,
            llvm: texts.llvm.then(|| module.print_to_string().to_string_lossy().into_owned()),
            mlir: lowered.mlir,
            module_sha256: self.module_sha256.clone(),
            parameters_sha256: self.parameters_sha256.clone(),
        })
    }
}

impl Compiled {
    /// Says where a file of schedules has none for this function.
    pub fn unused_schedules(&self, schedules: &Schedules) -> Option<String> {
        let path = schedules.file()?;
        // Numbers of the core are of use without schedules.
        let has_numbers = match schedules.read() {
            Ok(Some(Contents::File(file))) => !file.core.is_empty(),
            Ok(Some(Contents::Database(database))) => {
                database.networks.iter().any(|entry| entry.core == self.target.name)
            }
            Ok(None) | Err(_) => false,
        };
        if has_numbers {
            return None;
        }
        let is_model = self.kernels.iter().all(|kernel| kernel.by == By::Model);
        is_model.then(|| {
            format!(
                "{} has no schedule for any kernel of @{}: it is for other sizes, or for another core \
                 than {}",
                path.display(),
                self.function.name,
                self.target.name
            )
        })
    }
}

impl Function {
    /// The name of the compiled C function.
    pub fn symbol(&self) -> String {
        format!("pfp_{}", self.name)
    }

    /// Of its layers, its batch, a mode and a number of tasks, by which databases of schedules know it:
    /// 16 hexadecimal digits.
    pub fn digest(&self, mode: Mode, tasks: usize) -> String {
        let layers = serde_json::to_string(&self.layers).unwrap_or_default();
        let mode = match mode {
            // Schedules do not depend on the numbers that are drawn.
            Mode::Sample(sampling) => Mode::Sample(Sampling { seed: 0, ..sampling }),
            Mode::Moments | Mode::Mean => mode,
        };
        let text =
            format!("{layers} {} {} {}", self.signature.batch(), mode.options(), tasks.max(1));
        sha256(text.as_bytes()).chars().take(16).collect()
    }
}

/// The multiply-adds of each function.
fn costs_of(functions: &[Function]) -> BTreeMap<String, u64> {
    let cost = |known: &Function| known.layers.iter().map(|layer| layer.multiply_adds).sum();
    functions.iter().map(|known| (known.name.clone(), cost(known))).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The functions of a module.
pub(crate) fn functions(module: &Module) -> Vec<Op> {
    let ops = module.op().body().map(|body| body.ops()).unwrap_or_default();
    ops.into_iter().filter(|op| op.is("func.func")).collect()
}

fn public_functions(module: &Module) -> Result<Vec<Function>, Error> {
    let mut public = Vec::new();
    for op in gauss_lowering::functions::public(module.op(), None) {
        let name = op.symbol().unwrap_or_default();
        if !is_c_identifier(&name) {
            return Err(module.reject(
                op,
                "cannot be exported: its name becomes part of C, so it must be a letter followed \
                 by letters, digits and underscores",
            ));
        }
        let signature = Signature::of(op).map_err(|message| module.reject(op, &message))?;
        let Layers { layers, parameters, results } = layers::of(op, module.op());
        public.push(Function { name, signature, layers, parameters, results });
    }
    if public.is_empty() {
        return Err(Error::request(format!(
            "{} has no public function with a body",
            module.source().name()
        )));
    }
    Ok(public)
}

/// A caller passes what the header says: a function that takes another number of pointers would write
/// to what is not its own.
fn check_parameters(module: &LlvmModule, symbol: &str, signature: &Signature) -> Result<(), Error> {
    // The arena comes last.
    let wanted = signature.input_buffers().len() + signature.output_buffers().len() + 1;
    let found = module.get_function(symbol).map(|function| function.count_params() as usize);
    match found == Some(wanted) {
        true => Ok(()),
        false => Err(Error::Internal(format!(
            "{symbol} takes {found:?} pointers, where its header has {wanted}"
        ))),
    }
}

fn is_c_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The leading sizes of the inputs and results of all functions.
fn leading_sizes(module: &Module) -> Vec<i64> {
    let signatures = functions(module).into_iter().filter_map(|op| {
        op.attribute("function_type").and_then(|ty| ty.as_type()?.function_signature())
    });
    let types = signatures.flat_map(|(inputs, results)| [inputs, results].concat());
    types.filter_map(|ty| ty.shape()?.first().copied()).collect()
}

/// Is the batch still to be fixed?
pub(crate) fn has_free_batch(module: &Module) -> bool {
    leading_sizes(module).contains(&DYNAMIC)
}

/// Gives a `?` batch its size. Was there one?
pub(crate) fn fix_batch(module: &mut Module, batch: Option<i64>) -> Result<bool, Error> {
    if has_free_batch(module) {
        module.set_batch(batch.unwrap_or(1))?;
        return Ok(true);
    }
    match (batch, leading_sizes(module).first()) {
        (Some(batch), Some(&fixed)) if batch != fixed => Err(Error::request(format!(
            "the batch of {} is fixed to {fixed}, not {batch}",
            module.source().name()
        ))
        .with_help("write ? as the leading dimension of the module's tensors to choose it here")),
        _ => Ok(false),
    }
}

fn check_no_parameters(module: &Module) -> Result<(), Error> {
    let parameters = module.op().descendants().into_iter().filter(|op| op.is("gauss.parameter"));
    match parameters.count() {
        0 => Ok(()),
        count => Err(Error::request(format!(
            "{} has {count} parameter(s) without values",
            module.source().name()
        ))
        .with_help("give their values with --params FILE.safetensors")),
    }
}

/// A function of a module in the LLVM dialect.
fn lowered_function(module: &Module, symbol: &str) -> Result<Op, Error> {
    let ops = module.op().body().map(|body| body.ops()).unwrap_or_default();
    let mut functions = ops.into_iter().filter(|op| op.is("llvm.func"));
    functions
        .find(|op| op.symbol().as_deref() == Some(symbol))
        .ok_or_else(|| Error::Internal(format!("the lowering made no function {symbol}")))
}

/// The kernels that the lowering generated for a function.
fn read_kernels(module: &Module, symbol: &str) -> Result<Vec<KernelSchedule>, Error> {
    let function = lowered_function(module, symbol)?;
    let read = |entry: Attribute| serde_json::from_str(&entry.as_string()?).ok();
    let listed = function.attribute(KERNELS).and_then(Attribute::as_array);
    let kernels = listed.and_then(|kernels| kernels.into_iter().map(read).collect());
    kernels.ok_or_else(|| Error::Internal(format!("the lowering left no kernels on {symbol}")))
}

/// The arena that the lowering planned for a function.
fn read_arena(module: &Module, symbol: &str) -> Result<Arena, Error> {
    let function = lowered_function(module, symbol)?;
    let slot = |entry: Attribute| {
        let numbers = entry.as_i64_array()?.into_iter().map(u64::try_from);
        let numbers = numbers.collect::<Result<Vec<_>, _>>().ok()?;
        let [offset, bytes, first, last] = numbers.try_into().ok()?;
        Some(Slot { offset, bytes, first, last })
    };
    let read = || {
        let bytes = u64::try_from(function.attribute("gauss.arena_bytes")?.as_i64()?).ok()?;
        let plan = function.attribute("gauss.arena_plan")?.as_array()?;
        Some(Arena { bytes, plan: plan.into_iter().map(slot).collect::<Option<_>>()? })
    };
    read().ok_or_else(|| Error::Internal(format!("the lowering left no arena plan on {symbol}")))
}

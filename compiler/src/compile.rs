//! From a module and its parameters to machine code.

pub mod branch_protection;
pub mod codegen;
pub mod covariance;
pub(crate) mod foreign;
pub mod functions;
pub mod object_file;
pub(crate) mod open_parameters;
pub mod schedules;
pub mod wrapper;

use std::{collections::BTreeMap, sync::Arc};

pub use covariance::{Carried, Choice};
pub use functions::Function;
use functions::{check_no_parameters, check_parameters, costs_of, public_functions};
pub(crate) use functions::{fix_batch, functions, has_free_batch};
use gauss_dialect::{
    ir::{Attribute, Op},
    parameters::ParameterSource,
};
use gauss_lowering::{
    kernel::{given::MODEL, plan::KernelSchedule},
    mode::Mode,
    parameters::declared::Declared,
    passes::{
        gauss_append_head::Head, gauss_generate_kernels::KERNELS, gauss_pool_first::Order,
        gauss_track_covariance::Returned,
    },
    target::Target,
};
use inkwell::context::Context as LlvmContext;
pub use open_parameters::{LinearLayer, OpenNetwork};
pub use schedules::Schedules;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    compile::{branch_protection::BranchProtection, codegen::Machine, object_file::Report},
    diagnostics::{Remark, Source},
    error::Error,
    module::{Module, Session},
    parameters::Safetensors,
    posterior,
};

/// The most bytes of weights that assembly and LLVM IR spell out: as text they are five times as
/// many.
pub const TEXT_WEIGHT_BYTES: u64 = 16 << 20;

/// Bytes that every arena starts at a multiple of.
pub const ARENA_ALIGN: u64 = 64;

/// Is told which step begins.
pub type OnStep<'a> = &'a dyn Fn(&str);

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

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
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

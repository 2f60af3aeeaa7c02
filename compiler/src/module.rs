//! A gauss module in memory: parsing, passes, functions.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Once},
};

use gauss_dialect::{ir::Op, parameters::ParameterSource};
use gauss_lowering::{
    parameters::declared::check_distinct,
    pass::Failed,
    passes::{
        gauss_append_head::{self, Head},
        gauss_check_calls,
        gauss_correlate_windows::{self, Correlated},
        gauss_load_parameters,
        gauss_pool_first::{self, Order, Values},
        gauss_remark_independence, gauss_set_batch,
        gauss_track_covariance::{self, Tracked, Tracking},
    },
};
use melior::{Context, dialect::DialectRegistry, ir::Module as MlirModule, pass::PassManager};

use crate::{
    diagnostics::{Message, Rejected, Remark, Source},
    error::Error,
    ffi, guard,
};

/// An MLIR context that knows the gauss dialect and everything on its way to
/// LLVM IR, and keeps the diagnostics.
pub struct Session {
    context: Context,
    messages: Rc<RefCell<Vec<Message>>>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A new context. The first one of the process registers the passes.
    pub fn new() -> Self {
        static PASSES: Once = Once::new();
        PASSES.call_once(|| {
            gauss_lowering::register_passes(crate::parameters::open);
            // SAFETY: called once.
            unsafe { ffi::pfp_register_upstream_passes() };
        });
        let registry = DialectRegistry::new();
        gauss_dialect::register(&registry);
        // SAFETY: a live registry.
        unsafe { ffi::pfp_register_dialects(registry.to_raw()) };
        // One thread: the passes work on a whole module, and diagnostics keep their order.
        let context = Context::new_with_registry(&registry, false);
        context.load_all_available_dialects();
        // SAFETY: a live context.
        unsafe { ffi::pfp_keep_ops_out_of_diagnostics(context.to_raw()) };
        let messages = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&messages);
        context.attach_diagnostic_handler(move |diagnostic| {
            sink.borrow_mut().push(Message::of(&diagnostic));
            true
        });
        Self { context, messages }
    }

    /// Parses and verifies a module.
    ///
    /// # Errors
    ///
    /// Where MLIR, or what guards it, rejects the text.
    pub fn parse(&self, source: &Arc<Source>) -> Result<Module<'_>, Error> {
        self.messages.borrow_mut().clear();
        if source.bytes().starts_with(guard::BYTECODE) {
            return Err(Error::request(format!("{} is MLIR bytecode, not text", source.name()))
                .with_help("pfp-opt FILE -o FILE.mlir makes text of it"));
        }
        guard::check(source.text()).map_err(|refusal| {
            Rejected::new(vec![Message::refusal(source, refusal)], source, "")
        })?;
        // SAFETY: a live context; the strings are valid during the call.
        let parsed = unsafe {
            MlirModule::from_option_raw(ffi::pfp_parse_module(
                self.context.to_raw(),
                ffi::string_ref(source.text()),
                ffi::string_ref(source.name().as_bytes()),
            ))
        };
        let module = parsed.ok_or_else(|| self.rejected(source, "is not an MLIR module"))?;
        Ok(Module { session: self, source: Arc::clone(source), module })
    }

    fn rejected(&self, source: &Source, otherwise: &str) -> Error {
        Rejected::new(self.messages.take(), source, otherwise).into()
    }
}

/// A verified module.
pub struct Module<'s> {
    session: &'s Session,
    source: Arc<Source>,
    module: MlirModule<'s>,
}

impl<'s> Module<'s> {
    /// The module as an operation.
    pub fn op(&self) -> Op {
        Op::from_raw(self.module.as_operation().to_raw())
    }

    /// The text that the module was parsed from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The session that the module belongs to.
    pub fn session(&self) -> &'s Session {
        self.session
    }

    /// A copy that shares nothing with this module but its context.
    pub fn duplicate(&self) -> Module<'s> {
        let copy = self.op().clone_detached().to_raw();
        // SAFETY: the copy of a module is a module, and nobody else owns it.
        let module = unsafe { MlirModule::from_raw(mlir_sys::mlirModuleFromOperation(copy)) };
        Module { session: self.session, source: Arc::clone(&self.source), module }
    }

    /// Runs passes, written as a textual pipeline without the anchor.
    ///
    /// # Errors
    ///
    /// Where the pipeline is not valid, or a pass fails.
    pub fn run(&mut self, passes: &str) -> Result<(), Error> {
        self.session.messages.borrow_mut().clear();
        let manager = PassManager::new(&self.session.context);
        let pipeline = format!("builtin.module({passes})");
        melior::utility::parse_pass_pipeline(manager.as_operation_pass_manager(), &pipeline)
            .map_err(|error| Error::Internal(format!("pipeline '{passes}': {error}")))?;
        match manager.run(&mut self.module) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.rejected("a pass failed")),
        }
    }

    /// The error for which a step on this module failed; says `otherwise` where
    /// MLIR reported none.
    pub fn rejected(&self, otherwise: &str) -> Error {
        self.session.rejected(&self.source, otherwise)
    }

    /// An error of one operation, in the words `'name' op message`.
    pub fn reject(&self, op: Op, message: &str) -> Error {
        self.session.messages.borrow_mut().clear();
        op.emit_error(message);
        self.rejected(message)
    }

    /// Refuses recursion, and calls that would be inlined to too many operations.
    ///
    /// # Errors
    ///
    /// At the call.
    pub fn check_calls(&mut self) -> Result<(), Error> {
        self.apply(gauss_check_calls::check)
    }

    /// Takes maxima and activations in the order of the source. What decides by the values of
    /// parameters needs those that are to be loaded.
    pub fn take_order(&mut self, parameters: Option<&dyn ParameterSource>) {
        match self.source.order() {
            Order::AsWritten => {}
            Order::PoolFirst => gauss_pool_first::pool_first(self.op(), Values::All, parameters),
        }
    }

    /// Where a value is used twice and independence is assumed.
    pub fn assumptions(&self) -> Vec<Remark> {
        self.session.messages.borrow_mut().clear();
        gauss_remark_independence::remark(self.op());
        Remark::among(self.session.messages.take(), &self.source)
    }

    /// Errors of several operations, each with what to do.
    pub fn reject_all<'a>(
        &self,
        errors: impl IntoIterator<Item = (Op, &'a str, &'a str)>,
    ) -> Error {
        self.session.messages.borrow_mut().clear();
        for (op, message, advice) in errors {
            op.emit_error_with_note(message, op.location(), advice);
        }
        self.rejected("was rejected")
    }

    /// Checks that parameters of one name are of one type, and that no tensor belongs to two.
    ///
    /// # Errors
    ///
    /// At the ops that do not agree.
    pub fn check_parameters(&mut self) -> Result<(), Error> {
        self.apply(check_distinct)
    }

    /// Gives every `gauss.parameter` its value.
    ///
    /// # Errors
    ///
    /// At a parameter without a valid value, or for a tensor that no parameter uses.
    pub fn load_parameters(&mut self, parameters: &dyn ParameterSource) -> Result<(), Error> {
        self.load_all_parameters_but(parameters, &[])
    }

    /// As [`Module::load_parameters`], without those of some names, which stay open.
    ///
    /// # Errors
    ///
    /// As [`Module::load_parameters`].
    pub fn load_all_parameters_but(
        &mut self,
        parameters: &dyn ParameterSource,
        open: &[String],
    ) -> Result<(), Error> {
        self.apply(|module| gauss_load_parameters::load_all_but(module, parameters, open))
    }

    /// Fixes a leading `?` dimension.
    ///
    /// # Errors
    ///
    /// At an op whose operands do not fit with that batch.
    pub fn set_batch(&mut self, batch: i64) -> Result<(), Error> {
        self.apply(|module| gauss_set_batch::set_batch(module, batch))
    }

    /// Appends a head to the public function of this name, or to all.
    ///
    /// # Errors
    ///
    /// At a function whose results the head cannot take.
    pub fn append_head(&mut self, head: &Head, function: Option<&str>) -> Result<(), Error> {
        self.apply(|module| gauss_append_head::append(module, head, function))
    }

    /// What a head of this function would be given within the limits.
    pub fn covariance_plan(&self, tracking: Tracking, function: &str) -> Option<Tracked> {
        gauss_track_covariance::plan(self.op(), tracking, function)
    }

    /// What covariances of each pool of this function cost, from the last pool back.
    pub fn window_costs(&self, function: &str) -> Vec<u64> {
        gauss_correlate_windows::costs(self.op(), function)
    }

    /// Carries covariances to what the public function of this name predicts.
    ///
    /// # Errors
    ///
    /// Where they are to be returned and are not known.
    pub fn track_covariance(
        &mut self,
        tracking: Tracking,
        function: &str,
    ) -> Result<Tracked, Error> {
        let tracked =
            self.apply(|module| gauss_track_covariance::track(module, tracking, Some(function)))?;
        Ok(tracked.into_iter().next().unwrap_or_default())
    }

    /// Gives the last pools of the public function of this name the covariances within their windows, for at
    /// most so many multiply-adds.
    ///
    /// # Errors
    ///
    /// Where an op that computes them cannot be built.
    pub fn correlate_windows(&mut self, work: u64, function: &str) -> Result<Correlated, Error> {
        self.apply(|module| gauss_correlate_windows::correlate(module, Some(function), work))
    }

    fn apply<T>(&mut self, change: impl FnOnce(Op) -> Result<T, Failed>) -> Result<T, Error> {
        self.session.messages.borrow_mut().clear();
        let changed = change(self.op());
        match changed {
            Ok(value) if self.op().verify() => Ok(value),
            _ => Err(self.rejected("could not be changed as asked")),
        }
    }
}

/// The version of the LLVM that this program is linked with.
pub fn llvm_version() -> String {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: three integers that can be written.
    unsafe {
        inkwell::llvm_sys::core::LLVMGetVersion(&raw mut major, &raw mut minor, &raw mut patch);
    }
    format!("{major}.{minor}.{patch}")
}

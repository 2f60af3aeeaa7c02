//! Public functions: what a module exports, and whether it can be exported.

use std::collections::{BTreeMap, BTreeSet};

use gauss_dialect::ir::{DYNAMIC, Op};
use inkwell::module::Module as LlvmModule;

use crate::{
    error::Error,
    layers::{self, LayerSummary, Layers, Read},
    module::Module,
    signature::Signature,
};

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

impl Function {
    /// The name of the compiled C function.
    pub fn symbol(&self) -> String {
        format!("pfp_{}", self.name)
    }
}

/// The multiply-adds of each function.
pub(super) fn costs_of(functions: &[Function]) -> BTreeMap<String, u64> {
    let cost = |known: &Function| known.layers.iter().map(|layer| layer.multiply_adds).sum();
    functions.iter().map(|known| (known.name.clone(), cost(known))).collect()
}

/// The functions of a module.
pub(crate) fn functions(module: &Module) -> Vec<Op> {
    let ops = module.op().body().map(|body| body.ops()).unwrap_or_default();
    ops.into_iter().filter(|op| op.is("func.func")).collect()
}

pub(super) fn public_functions(module: &Module) -> Result<Vec<Function>, Error> {
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
pub(super) fn check_parameters(
    module: &LlvmModule,
    symbol: &str,
    signature: &Signature,
) -> Result<(), Error> {
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

pub(super) fn check_no_parameters(module: &Module) -> Result<(), Error> {
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

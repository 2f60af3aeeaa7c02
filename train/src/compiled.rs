//! The gradient of a network as compiled code.

use std::sync::Arc;

use pfp_compiler::{diagnostics::Source, error::Error, signature::Signature};

use crate::{
    gradient::{Gradient, Parameter},
    settings::Loss,
};

/// What is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The moments of the outputs, along means and variances of the parameters.
    Moments,
    /// The outputs of the plain network, every parameter a number.
    Plain,
}

/// What is compiled.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The module.
    pub source: &'a Arc<Source>,
    /// The function, where there are several.
    pub function: Option<&'a str>,
    /// What is differentiated.
    pub kind: Kind,
    /// The loss of an item.
    pub loss: Loss,
    /// Items of a call.
    pub items: usize,
    /// Threads that call it.
    pub threads: usize,
}

/// A network that can be trained.
pub struct Network {
    /// Its gradient.
    pub gradient: Box<dyn Gradient>,
    /// Its parameters as the module declares them, in the order of the gradient.
    pub parameters: Vec<Parameter>,
    /// What it takes and gives, its parameters not counted.
    pub signature: Signature,
    /// The name of the function.
    pub function: String,
}

/// Compiles the gradient of a network for this machine.
///
/// # Errors
///
/// Where the network or its loss has no gradient.
pub fn open(request: &Request) -> Result<Network, Error> {
    let Request { source, .. } = request;
    Err(Error::request(format!("the gradient of {} is not available", source.name())).with_help(
        "this build of pfp compiles no gradients; train elsewhere and import the posterior",
    ))
}

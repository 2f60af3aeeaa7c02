//! The functions of a module.

use gauss_dialect::ir::{Attribute, Op, Value};

use crate::pass::{Failed, fail};

/// Can callers outside of the module see the function?
pub fn is_public(function: Op) -> bool {
    let visibility = function.attribute("sym_visibility").and_then(Attribute::as_string);
    visibility.is_none_or(|visibility| visibility == "public")
}

/// All public functions that have a body, or the one of this name.
pub fn public(module: Op, name: Option<&str>) -> Vec<Op> {
    let ops = module.body().map(|body| body.ops()).unwrap_or_default();
    let is_wanted = |op: &Op| {
        let is_named = name.is_none_or(|name| op.symbol().as_deref() == Some(name));
        op.is("func.func") && op.body().is_some() && is_public(*op) && is_named
    };
    ops.into_iter().filter(is_wanted).collect()
}

/// As [`public`], for something that is appended to each, such as a head.
///
/// # Errors
///
/// Where there is none of the name.
pub(crate) fn to_append_to(module: Op, name: Option<&str>, what: &str) -> Result<Vec<Op>, Failed> {
    match (&public(module, name)[..], name) {
        ([], Some(name)) => {
            Err(fail(module, format!("has no public function '{name}' for the {what}")))
        }
        (functions, _) => Ok(functions.to_vec()),
    }
}

/// The only return of a function, and the only value that it gives.
///
/// # Errors
///
/// Where there are several, to which something cannot be appended, or another function calls this one.
pub(crate) fn returned(function: Op, module: Op, what: &str) -> Result<(Op, Value), Failed> {
    let name = function.symbol();
    let calls = |op: &Op| {
        op.is("func.call") && op.attribute("callee").and_then(Attribute::as_symbol) == name
    };
    if let Some(call) = module.descendants().into_iter().find(calls) {
        return Err(fail(
            call,
            format!("calls a function that gets a {what} and more results with it"),
        ));
    }
    let returns = function.descendants().into_iter().filter(|op| op.is("func.return"));
    let [terminator] = returns.collect::<Vec<_>>()[..] else {
        let message = format!("has control flow; a {what} is appended to a single return");
        return Err(fail(function, message));
    };
    match terminator.operands()[..] {
        [output] => Ok((terminator, output)),
        ref values => {
            let count = values.len();
            Err(fail(function, format!("returns {count} values; a {what} is for one")))
        }
    }
}

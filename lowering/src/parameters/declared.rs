//! The parameters that a module declares, and the tensors that they stand for.

use std::collections::BTreeMap;

use gauss_dialect::{ir::Op, layer::Layer, shape::TensorType};

use crate::pass::{Outcome, fail_with_note};

/// A `gauss.parameter`.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The op.
    pub op: Op,
    /// The name of the parameter.
    pub name: String,
    /// Its shape and its kind.
    pub ty: TensorType,
}

impl Declared {
    /// The parameter that an op declares, if it does.
    pub fn of(op: Op) -> Option<Self> {
        match Layer::of(op) {
            Ok(Some(Layer::Parameter(name))) => {
                Some(Self { op, name, ty: TensorType::of(op.result(0).ty())? })
            }
            _ => None,
        }
    }

    /// All parameters below an op, in the order of the text.
    pub fn all(op: Op) -> Vec<Self> {
        op.descendants().into_iter().filter_map(Self::of).collect()
    }

    /// The names of the tensors of a parameter file that hold the parameter: of a Gaussian one the
    /// mean, then the variance.
    pub fn tensors(&self) -> Vec<String> {
        self.ty.representation().tensors(&self.name)
    }

    fn kind(&self) -> &'static str {
        if self.ty.gaussian { "Gaussian" } else { "deterministic" }
    }
}

/// Checks that a name has one kind and one shape, and that no tensor belongs to two names. Ops that
/// agree share their parameter: that is how weights are tied.
///
/// # Errors
///
/// At every op that does not agree with one before it.
pub fn check_distinct(module: Op) -> Outcome {
    let mut names = BTreeMap::<String, Declared>::new();
    let mut owners = BTreeMap::<String, Declared>::new();
    let mut outcome = Ok(());
    for own in Declared::all(module) {
        if let Some(first) = names.get(&own.name) {
            if first.ty != own.ty {
                outcome = Err(disagree(&own, first));
            }
            continue;
        }
        for tensor in own.tensors() {
            match owners.get(&tensor) {
                Some(first) => outcome = Err(collide(&own, first, &tensor)),
                None => drop(owners.insert(tensor, own.clone())),
            }
        }
        names.insert(own.name.clone(), own);
    }
    outcome
}

fn disagree(own: &Declared, first: &Declared) -> crate::pass::Failed {
    let Declared { name, ty, .. } = own;
    fail_with_note(
        own.op,
        format!(
            "declares the parameter '{name}' as {ty}, but another op declares it as {}; ops that \
             share a parameter agree in kind and shape: if these are two parameters, rename one, \
             in the module and in the parameter file",
            first.ty
        ),
        first.op.location(),
        &format!("'{name}' is {} here", first.ty),
    )
}

fn collide(own: &Declared, first: &Declared, tensor: &str) -> crate::pass::Failed {
    // Where one of them is the running statistic of a batch normalisation, that name is the one to
    // change.
    let plain = if own.ty.gaussian { first } else { own };
    let renamed = match plain.name.rsplit_once('.') {
        Some((layer, statistic)) => format!("{layer}.running_{statistic}"),
        None => format!("running_{}", plain.name),
    };
    fail_with_note(
        own.op,
        format!(
            "reads the tensor '{tensor}' for the {} parameter '{}', but the {} parameter '{}' reads \
             the same tensor; rename one of the two, in the module and in the parameter file, such \
             as '{}' to '{renamed}'",
            own.kind(),
            own.name,
            first.kind(),
            first.name,
            plain.name,
        ),
        first.op.location(),
        &format!("the {} parameter '{}' reads '{tensor}'", first.kind(), first.name),
    )
}

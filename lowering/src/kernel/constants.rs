//! The constant buffers of a module.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use gauss_dialect::ir::{Block, Op, Value};

/// The constant buffers of a module: `memref.global` with a value.
pub struct Constants {
    globals: HashMap<String, Op>,
    values: RefCell<HashMap<String, Option<Rc<[f32]>>>>,
}

impl Constants {
    /// The constants of a module.
    pub fn of(module: Op) -> Self {
        let ops = module.body().map(Block::ops).unwrap_or_default();
        let constant = |op: &Op| op.is("memref.global") && op.attribute("constant").is_some();
        let globals = ops.into_iter().filter(constant).filter_map(|op| Some((op.symbol()?, op)));
        Self { globals: globals.collect(), values: RefCell::default() }
    }

    /// Is there one of this name?
    pub fn has(&self, name: &str) -> bool {
        self.globals.contains_key(name)
    }

    /// The values of a buffer that is a constant.
    pub fn values(&self, buffer: Value) -> Option<Rc<[f32]>> {
        let op = buffer.defining_op().filter(|op| op.is("memref.get_global"))?;
        let name = op.attribute("name")?.as_symbol()?;
        if let Some(known) = self.values.borrow().get(&name) {
            return known.clone();
        }
        let read = || self.globals.get(&name)?.attribute("initial_value")?.as_f32_elements();
        let values = read().map(Rc::from);
        self.values.borrow_mut().insert(name, values.clone());
        values
    }
}

//! What a machine may lack, and where it is told.
#![allow(dead_code)] // every test binary uses its part

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Tells that a test, or a part of it, does not run here.
pub fn skipped(why: &str) {
    // Not by the macro, whose output a passing test does not show.
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// The folder of models and golden vectors: `$PFP_SHARED_DATA`, or
/// `shared/data` beside a folder that holds this one. Where there is none, says
/// so and returns `None`.
pub fn shared_data() -> Option<PathBuf> {
    let named = env::var_os("PFP_SHARED_DATA").map(PathBuf::from);
    let found = named.or_else(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("../shared/data")).find(|data| data.is_dir())
    });
    if found.is_none() {
        skipped("no shared data");
    }
    found
}

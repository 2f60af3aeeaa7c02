//! What chooses the schedules of kernels: the model, measurements, files.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    str::FromStr,
};

use gauss_lowering::{
    kernel::{
        given::{Contents, MODEL},
        plan::By,
    },
    mode::{Mode, Sampling},
};

use super::{Compiled, Function, Network, sha256};
use crate::error::Error;

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

impl Network<'_> {
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

//! Schedules that the model does not choose: those of schedule files, which name kernels, and those of
//! databases of what was measured, which go by the shapes of kernels.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{plan::KernelSchedule, schedule::Schedule, shape::Shape};
use crate::{
    files::{self, Kind},
    pass::Options,
    target::{Core, Target},
};

/// A schedule file: what it says of some kernels of a function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    /// Numbers of the core that take the place of the target's.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub core: Map<String, Value>,
    /// Kernels whose schedule the model does not choose.
    #[serde(default)]
    pub kernels: Vec<KernelSchedule>,
}

/// The version of the layout of databases. It rises when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// A database of schedules that were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The version of the layout, [`VERSION`].
    pub version: u32,
    /// What suits whole networks.
    #[serde(default)]
    pub networks: Vec<TunedNetwork>,
    /// What suits kernels.
    #[serde(default)]
    pub kernels: Vec<TunedKernel>,
}

/// Numbers of a core that suit one network better than its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunedNetwork {
    /// The core.
    pub core: String,
    /// The function; informative.
    pub name: String,
    /// Of its layers, batch, mode and tasks: 16 hexadecimal digits.
    pub digest: String,
    /// The numbers, by the names of those of a core.
    pub numbers: Map<String, Value>,
    /// What was measured.
    pub times: Measured,
}

/// A schedule that suits the kernels of a shape better than that of the model, or as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunedKernel {
    /// The core.
    pub core: String,
    /// The shape of the kernels.
    pub shape: Shape,
    /// The schedule.
    pub schedule: Schedule,
    /// What was measured.
    pub times: Measured,
}

/// Where a schedule comes from; informative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The processor, as the system calls it.
    pub cpu: String,
    /// Microseconds of a call.
    pub microseconds: f64,
    /// The same with what the model chooses, measured in turn.
    pub of_model: f64,
    /// How many candidates were measured.
    pub candidates: usize,
}

impl Default for Database {
    fn default() -> Self {
        Self { version: VERSION, networks: Vec::new(), kernels: Vec::new() }
    }
}

impl Database {
    /// Adds all of another one. Of two entries for the same core and shape, or network, the other's
    /// stays.
    pub fn merge(&mut self, other: Self) {
        let of_kernel = |entry: &TunedKernel| (entry.core.clone(), entry.shape.clone());
        let mut kernels = BTreeMap::new();
        for entry in self.kernels.drain(..).chain(other.kernels) {
            kernels.insert(of_kernel(&entry), entry);
        }
        let of_network = |entry: &TunedNetwork| (entry.core.clone(), entry.digest.clone());
        let mut networks = BTreeMap::new();
        for entry in self.networks.drain(..).chain(other.networks) {
            networks.insert(of_network(&entry), entry);
        }
        self.kernels = kernels.into_values().collect();
        self.networks = networks.into_values().collect();
        self.networks.sort_by(|a, b| (&a.core, &a.name).cmp(&(&b.core, &b.name)));
    }

    /// Can every entry have been measured?
    fn check(&self) -> Result<(), String> {
        let is_digest =
            |digest: &str| digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        let check = |core: &str, digest: &str, times: &Measured| {
            let core = Target::core(core)?;
            let is_time = |time: f64| time > 0.0 && time.is_finite();
            match is_digest(digest) && is_time(times.microseconds) && is_time(times.of_model) {
                true => Ok(core),
                false => Err("its digest has 16 hexadecimal digits, its times are positive".into()),
            }
        };
        let at = |list: &str, number: usize| {
            let entry = format!("entry {number} of \"{list}\"");
            move |error: String| format!("{entry}: {error}")
        };
        for (number, TunedNetwork { core, digest, numbers, times, .. }) in
            self.networks.iter().enumerate()
        {
            check(core, digest, times)
                .and_then(|core| core.with(numbers))
                .map_err(at("networks", number))?;
        }
        for (number, TunedKernel { core, shape, times, .. }) in self.kernels.iter().enumerate() {
            check(core, &shape.digest, times).map_err(at("kernels", number))?;
        }
        Ok(())
    }

    /// The database as a file.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists of them always have a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The schedules that were measured on the cores of this project's own machines.
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<Database> = OnceLock::new();
        // A test reads the file.
        SHIPPED.get_or_init(|| serde_json::from_str(include_str!("tuned.json")).unwrap_or_default())
    }
}

/// What a file with schedules holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    /// Schedules of kernels that it names.
    File(ScheduleFile),
    /// What was measured.
    Database(Database),
}

impl Contents {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is neither.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = files::read(path, Kind::SCHEDULE).map_err(|error| error.to_string())?;
        Self::parse(&text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Where it is neither.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match value.get("version") {
            None if value.get("networks").is_some() => {
                Err(format!("a database of schedules says its \"version\", which is {VERSION}"))
            }
            None => {
                let file = serde_json::from_slice(text).map_err(|error| error.to_string())?;
                Ok(Self::File(file))
            }
            Some(version) if *version == VERSION => {
                let database: Database =
                    serde_json::from_slice(text).map_err(|error| error.to_string())?;
                database.check()?;
                Ok(Self::Database(database))
            }
            Some(version) => Err(format!(
                "it is a database of version {version}; this compiler reads version {VERSION}: \
                 measure again with pfp tune"
            )),
        }
    }
}

/// The word that stands for no schedules but those of the model.
pub const MODEL: &str = "model";

/// What is given for a compilation.
#[derive(Debug, Clone)]
pub struct Given {
    /// The core, with the numbers that are given.
    pub core: Core,
    /// Schedules of kernels by name.
    pub kernels: Vec<KernelSchedule>,
    /// Schedules by the digests of shapes.
    pub tuned: BTreeMap<String, Schedule>,
}

impl Given {
    /// What the options `core`, `schedule` and `network` say: the core, with the numbers of the schedule
    /// file or of the database's entry for the network; without a file, the schedules that are shipped.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is no schedule file, or there is no such core.
    pub fn of(options: &Options) -> Result<Self, String> {
        let name = options.get("core").unwrap_or("host");
        let core = Target::core(name)?;
        let nothing = Self { core, kernels: Vec::new(), tuned: BTreeMap::new() };
        let network = options.get("network");
        match options.get("schedule") {
            None => Self::of_database(name, core, network, Database::shipped()),
            Some(MODEL) => Ok(nothing),
            Some(path) => {
                let at = |error: String| format!("{path}: {error}");
                match Contents::read(Path::new(path)).map_err(at)? {
                    Contents::File(file) => {
                        let core = core.with(&file.core).map_err(at)?;
                        Ok(Self { core, kernels: file.kernels, ..nothing })
                    }
                    Contents::Database(database) => {
                        Self::of_database(name, core, network, &database).map_err(at)
                    }
                }
            }
        }
    }

    fn of_database(
        name: &str,
        core: Core,
        network: Option<&str>,
        database: &Database,
    ) -> Result<Self, String> {
        let name = if name == "host" { Target::host().name } else { name.to_owned() };
        let is_it =
            |entry: &&TunedNetwork| entry.core == name && Some(entry.digest.as_str()) == network;
        let core = match database.networks.iter().find(is_it) {
            Some(entry) => core.with(&entry.numbers)?,
            None => core,
        };
        let kernels = database.kernels.iter().filter(|entry| entry.core == name);
        let tuned = kernels.map(|entry| (entry.shape.digest.clone(), entry.schedule.clone()));
        Ok(Self { core, kernels: Vec::new(), tuned: tuned.collect() })
    }
}

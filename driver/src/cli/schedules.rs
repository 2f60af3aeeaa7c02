//! `pfp schedules`.

use std::path::PathBuf;

use clap::Args;
use gauss_lowering::kernel::given::Database;
use pfp_compiler::{error::Error, output::Outputs};
use serde_json::json;

use super::{Outcome, Ui, table::Table, tune};

/// Show databases of measured schedules, or merge them into one
#[derive(Debug, Args)]
#[command(
    after_help = "Of two entries for the same core and shape of kernel, the one of the later file \
stays.

Examples:
  pfp schedules
  pfp schedules schedules.json --json
  pfp schedules mine.json theirs.json --output all.json"
)]
pub struct SchedulesArgs {
    /// Files that `pfp tune` wrote [default: what is shipped with the compiler]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write all entries to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn schedules(args: SchedulesArgs, ui: &Ui) -> Result<Outcome, Error> {
    let mut database = match args.files.is_empty() {
        true => Database::shipped().clone(),
        false => Database::default(),
    };
    for file in &args.files {
        if !file.exists() {
            return Err(Error::request(format!("there is no file {}", file.display()))
                .with_help("pfp tune writes one"));
        }
        database.merge(tune::read(file)?);
    }
    if let Some(path) = &args.output {
        // What is no database is not replaced by one.
        tune::read(path)?;
        let mut outputs = Outputs::default();
        outputs.open(path, false)?;
        outputs.write(vec![database.to_json().into_bytes()])?;
    }
    match (ui.json(), &args.output) {
        (true, None) => ui.print_json(&database)?,
        (true, Some(path)) => ui.print_json(&json!({
            "file": path,
            "networks": database.networks.len(),
            "kernels": database.kernels.len(),
        }))?,
        (false, _) => ui.print(text(&database))?,
    }
    Ok(Outcome::Done)
}

fn text(database: &Database) -> String {
    let percent = |of: f64, by: f64| format!("{:+.1} %", 100.0 * (of / by - 1.0));
    if database.kernels.is_empty() && database.networks.is_empty() {
        return "no schedules".into();
    }
    let mut parts = vec![format!(
        "schedules of kernels: {}; numbers for networks: {}",
        database.kernels.len(),
        database.networks.len()
    )];
    if !database.networks.is_empty() {
        let mut table = Table::new(&["core", "network", "numbers", "us", "tuned"], 3);
        for entry in &database.networks {
            table.row(vec![
                entry.core.clone(),
                format!("{} {}", entry.name, entry.digest),
                serde_json::to_string(&entry.numbers).unwrap_or_default(),
                format!("{:.2}", entry.times.of_model),
                percent(entry.times.microseconds, entry.times.of_model),
            ]);
        }
        parts.push(table.to_string());
    }
    if !database.kernels.is_empty() {
        let mut table =
            Table::new(&["core", "layers", "sizes", "strips", "tasks", "us", "tuned"], 3);
        for entry in &database.kernels {
            let sizes =
                |sizes: &[i64]| sizes.iter().map(i64::to_string).collect::<Vec<_>>().join("x");
            let shape = &entry.shape;
            table.row(vec![
                entry.core.clone(),
                shape.layers.clone(),
                format!("{} by {}", sizes(&shape.parallel), sizes(&shape.reductions)),
                shape.strips.to_string(),
                shape.tasks.to_string(),
                format!("{:.2}", entry.times.of_model),
                percent(entry.times.microseconds, entry.times.of_model),
            ]);
        }
        parts.push(table.to_string());
    }
    parts.join("\n\n")
}

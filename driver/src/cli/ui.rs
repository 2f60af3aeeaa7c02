//! What a person sees while a command works, and where its answer goes.

use std::{
    cell::RefCell,
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write},
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{compile::Network, error::Error};

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Reporting")]
pub struct UiArgs {
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub json: bool,

    /// Tell on standard error what is done and how long it takes
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// The answer goes to standard output, everything else to standard error.
/// Progress is shown on a terminal only.
pub struct Ui {
    args: UiArgs,
    bar: ProgressBar,
    stage: RefCell<Option<(String, Instant)>>,
}

impl Ui {
    pub fn new(args: UiArgs) -> Self {
        let bar = match io::stderr().is_terminal() && !args.verbose {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        Self { args, bar, stage: RefCell::new(None) }
    }

    /// Is the answer wanted as JSON?
    pub fn json(&self) -> bool {
        self.args.json
    }

    /// A step of unknown length begins.
    pub fn stage(&self, what: &str) {
        self.end_stage();
        *self.stage.borrow_mut() = Some((what.to_owned(), Instant::now()));
        self.bar.reset();
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_message(what.to_owned());
        // Short work shows nothing.
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// A step of `length` items begins; tell the bar how many are done.
    pub fn count(&self, what: &str, length: usize) -> &ProgressBar {
        self.stage(what);
        self.bar.set_length(length as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg} {bar:30} {pos}/{len} {eta}")
        {
            self.bar.set_style(style);
        }
        &self.bar
    }

    fn end_stage(&self) {
        if let Some((what, start)) = self.stage.take()
            && self.args.verbose
        {
            self.say(&format!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3));
        }
    }

    /// Prints on standard error, if anybody listens.
    pub fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Says on standard error what a user should know of data that was read.
    pub fn notes(&self, notes: &[String]) {
        notes.iter().for_each(|note| self.bar.suspend(|| self.say(&format!("note: {note}"))));
    }

    /// Tells what a person should know of the parameters of a network.
    pub fn remarks(&self, network: &Network) {
        for remark in network.remarks() {
            self.bar.suspend(|| self.say(remark));
        }
    }

    /// The work is over.
    pub fn finish(&self) {
        self.end_stage();
        self.bar.finish_and_clear();
    }

    /// Prints the answer.
    pub fn print(&self, answer: impl Display) -> Result<(), Error> {
        self.finish();
        match writeln!(io::stdout().lock(), "{answer}") {
            // Whoever read the output has enough of it.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| Error::write(Path::new("standard output"), error)),
        }
    }

    /// Prints the answer as JSON.
    pub fn print_json(&self, answer: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(answer)
            .map_err(|error| Error::Internal(error.to_string()))?;
        self.print(text)
    }
}

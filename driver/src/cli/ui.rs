//! What a person sees while a command works, and where its answer goes.

use std::{
    cell::RefCell,
    fmt::{self, Display},
    io::{self, ErrorKind, IsTerminal, Write},
    panic,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Diagnostic, MietteHandler, MietteHandlerOpts, ReportHandler};
use pfp_compiler::{compile::Network, diagnostics::Remark, error::Error};
use pfp_evaluate::watch::Watch;
use serde::Serialize;

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Reporting")]
pub struct UiArgs {
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub json: bool,

    /// Tell on standard error what is done and how long it takes
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// Show no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// Where there is no terminal, progress is a line after so long without one.
const INTERVAL: Duration = Duration::from_secs(5);

/// A program that runs commands in its own process.
pub trait Listener: Send + Sync {
    /// Is told a line that would stand on standard error.
    fn say(&self, line: &str);

    /// Is the work to end? It is asked now and then, from any thread.
    fn is_cancelled(&self) -> bool;
}

/// What unwinds the stack of work that its [`Listener`] cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// The answer goes to standard output, everything else to standard error. On a terminal progress is a
/// bar, elsewhere long work writes a line now and then. A listener gets all of it instead.
pub struct Ui {
    args: UiArgs,
    bar: ProgressBar,
    lines: Option<Arc<Lines>>,
    stage: RefCell<Option<(String, Instant)>>,
    listener: Option<Arc<dyn Listener>>,
    /// What was answered to a listener.
    answer: RefCell<String>,
}

/// Progress where there is no terminal.
struct Lines {
    /// When the last line was written.
    last: Mutex<Instant>,
}

impl Lines {
    /// Writes a line, if the last one is long ago or `now` says so.
    fn write(&self, now: bool, line: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now || last.elapsed() >= INTERVAL {
            let _ = writeln!(io::stderr().lock(), "{}", line());
            *last = Instant::now();
        }
    }
}

/// A step of so many parts.
pub struct Progress {
    what: String,
    parts: usize,
    done: AtomicUsize,
    start: Instant,
    bar: ProgressBar,
    lines: Option<Arc<Lines>>,
    /// Is a line written at its end?
    ends: bool,
    listener: Option<Arc<dyn Listener>>,
}

/// Ends the work where its listener wants that.
fn go_on(listener: Option<&Arc<dyn Listener>>) {
    if listener.is_some_and(|listener| listener.is_cancelled()) {
        // Not a panic: nothing is printed.
        panic::resume_unwind(Box::new(Cancelled));
    }
}

impl Progress {
    /// So many parts are done by now.
    pub fn reach(&self, done: usize) {
        self.inc(done.saturating_sub(self.done.load(Ordering::Relaxed)));
    }

    /// So many more parts are done.
    pub fn inc(&self, more: usize) {
        go_on(self.listener.as_ref());
        self.bar.inc(more as u64);
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        let Some(lines) = &self.lines else { return };
        let seconds = self.start.elapsed().as_secs_f64();
        if done < self.parts {
            let left = seconds / done.max(1) as f64 * (self.parts - done) as f64;
            lines.write(false, || {
                format!("{}: {done} of {}, {left:.0} s left", self.what, self.parts)
            });
        } else if self.ends && done - more < self.parts {
            lines.write(true, || format!("{}: {} in {seconds:.1} s", self.what, self.parts));
        }
    }
}

impl Ui {
    pub fn new(args: UiArgs) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = match is_terminal && !args.verbose && !args.quiet {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        let lines = Lines { last: Mutex::new(Instant::now()) };
        let lines = (!args.quiet && (!is_terminal || args.verbose)).then(|| Arc::new(lines));
        Self {
            args,
            bar,
            lines,
            stage: RefCell::new(None),
            listener: None,
            answer: RefCell::default(),
        }
    }

    /// What tells a listener everything.
    pub fn told(args: UiArgs, listener: Arc<dyn Listener>) -> Self {
        let bar = ProgressBar::hidden();
        Self { bar, lines: None, listener: Some(listener), ..Self::new(args) }
    }

    /// What was answered to a listener.
    pub fn into_answer(self) -> String {
        self.answer.into_inner()
    }

    /// Is the answer wanted as JSON?
    pub fn json(&self) -> bool {
        self.args.json
    }

    /// A step of unknown length begins.
    pub fn stage(&self, what: &str) {
        self.begin(what);
        if let Some(lines) = &self.lines {
            lines.write(false, || what.to_owned());
        }
    }

    fn begin(&self, what: &str) {
        go_on(self.listener.as_ref());
        self.end_stage();
        *self.stage.borrow_mut() = Some((what.to_owned(), Instant::now()));
        self.bar.reset();
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_message(what.to_owned());
        // Short work shows nothing.
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// A step of so many parts begins.
    pub fn count(&self, what: &str, parts: usize) -> Progress {
        self.begin(what);
        self.bar.set_length(parts as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg} {bar:30} {pos}/{len} {eta} left")
        {
            self.bar.set_style(style);
        }
        Progress {
            what: what.to_owned(),
            parts,
            done: AtomicUsize::new(0),
            start: Instant::now(),
            bar: self.bar.clone(),
            lines: self.lines.clone(),
            ends: false,
            listener: self.listener.clone(),
        }
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
        match &self.listener {
            Some(listener) => listener.say(text),
            None => {
                let _ = writeln!(io::stderr().lock(), "{text}");
            }
        }
    }

    /// Says on standard error what a user should know of data that was read.
    pub fn notes(&self, notes: &[String]) {
        notes.iter().for_each(|note| self.bar.suspend(|| self.say(&format!("note: {note}"))));
    }

    /// Tells what a person should know of the parameters of a network.
    pub fn remarks(&self, network: &Network) {
        network.remarks().iter().for_each(|remark| Watch::remark(self, remark));
    }

    /// Tells where a network uses a value twice and independence is assumed.
    pub fn assumptions(&self, network: &Network) {
        let mut lines: Vec<_> = network.assumptions().iter().map(shown).collect();
        lines.push(match network.assumptions().len() {
            0 => "no value is used twice where independence is assumed".to_owned(),
            1 => "1 remark".to_owned(),
            count => format!("{count} remarks"),
        });
        lines.iter().for_each(|line| Watch::remark(self, line));
    }

    /// The work is over.
    pub fn finish(&self) {
        self.end_stage();
        self.bar.finish_and_clear();
    }

    /// Prints the answer.
    pub fn print(&self, answer: impl Display) -> Result<(), Error> {
        self.finish();
        if self.listener.is_some() {
            *self.answer.borrow_mut() += &format!("{answer}\n");
            return Ok(());
        }
        match writeln!(io::stdout().lock(), "{answer}") {
            // Whoever read the output has enough of it.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| Error::write(Path::new("standard output"), error)),
        }
    }

    /// Writes a line on standard error, unless nobody wants progress.
    pub fn progress(&self, line: &str) {
        if !self.args.quiet {
            self.bar.suspend(|| self.say(line));
        }
    }

    /// What writes such lines from any thread.
    pub fn teller(&self) -> Box<dyn Fn(&str) + Send + Sync> {
        let (bar, is_quiet) = (self.bar.clone(), self.args.quiet);
        let listener = self.listener.clone();
        Box::new(move |line| match &listener {
            Some(listener) => listener.say(line),
            None if is_quiet => {}
            None => bar.suspend(|| {
                let _ = writeln!(io::stderr().lock(), "{line}");
            }),
        })
    }

    /// Prints a part of the answer as JSON in a line of its own.
    pub fn print_json_line(&self, part: &impl Serialize) -> Result<(), Error> {
        let text =
            serde_json::to_string(part).map_err(|error| Error::Internal(error.to_string()))?;
        self.print(text)
    }

    /// Prints the answer as JSON.
    pub fn print_json(&self, answer: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(answer)
            .map_err(|error| Error::Internal(error.to_string()))?;
        self.print(text)
    }
}

fn shown(remark: &Remark) -> String {
    let handler = MietteHandlerOpts::new().wrap_lines(false).context_lines(0).build();
    Shown { diagnostic: remark, handler }.to_string()
}

/// What the handler of reports shows of a diagnostic: with the line of the module that it is about.
pub struct Shown<'a> {
    pub diagnostic: &'a dyn Diagnostic,
    pub handler: MietteHandler,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handler.debug(self.diagnostic, f)
    }
}

/// A step of work that takes long ends with a line of its own where there is no terminal.
impl Watch for Ui {
    fn stage(&self, what: &str) {
        Ui::stage(self, what);
    }

    fn note(&self, note: &str) {
        self.notes(&[note.to_owned()]);
    }

    fn remark(&self, text: &str) {
        self.bar.suspend(|| self.say(text));
    }

    fn count(&self, what: &str, parts: usize) -> Box<dyn Fn(usize) + Sync> {
        let progress = Progress { ends: true, ..Ui::count(self, what, parts) };
        Box::new(move |done| progress.inc(done))
    }
}

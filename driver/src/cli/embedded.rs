//! Commands and networks for a program that has the compiler in its own process.

use std::{ffi::OsString, sync::Arc};

use clap::FromArgMatches;
use miette::{Diagnostic, MietteHandlerOpts};
use pfp_compiler::{
    compile::{Compiled, Network, Options},
    diagnostics::Source,
    error::Error,
    module::Session,
    parameters::Safetensors,
    target::{self, HOST},
};

use super::{
    Cli, Command, Listener, Outcome, Ui, calibration_of, command,
    compile::CompileArgs,
    open_module, run_command,
    ui::{Shown, UiArgs},
};

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such command line; the text says why, or is the help that was asked for.
    #[error("{0}")]
    Usage(String),
    /// The work failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Refused {
    /// What a program tells its user: what is wrong, with the place in the module as text where there is
    /// one, and what to do.
    pub fn report(&self) -> (String, Option<String>) {
        let error = match self {
            Self::Failed(error) => error,
            Self::Usage(text) => {
                // The parser's tip, without its summary of all options.
                let mut parts = text.split("\n\n").take_while(|part| !part.starts_with("Usage:"));
                let message = parts.next().unwrap_or_default();
                let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
                let tip = parts.next().map(str::trim).and_then(|tip| tip.strip_prefix("tip: "));
                return (message, tip.map(str::to_owned));
            }
        };
        match error.source_code() {
            None => (error.to_string(), error.help().map(|help| help.to_string())),
            Some(_) => {
                let handler = MietteHandlerOpts::new()
                    .wrap_lines(false)
                    .context_lines(1)
                    .color(false)
                    .terminal_links(false)
                    .build();
                (Shown { diagnostic: error, handler }.to_string().trim().to_owned(), None)
            }
        }
    }
}

/// What a command says at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What would stand on standard output.
    pub text: String,
    /// Was the work done, or is its answer no, as of `pfp check`?
    pub is_accepted: bool,
}

/// A command line without the name of the program.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Refused> {
    let name = [OsString::from("pfp")];
    let usage = |error: clap::Error| Refused::Usage(error.to_string().trim_end().to_owned());
    let matches = command().try_get_matches_from(name.into_iter().chain(arguments));
    Cli::from_arg_matches(&matches.map_err(usage)?).map_err(usage)
}

/// Runs a command line, without the name of the program. Signals stay with their program; where the
/// listener cancels, the stack unwinds with [`super::Cancelled`].
///
/// # Errors
///
/// Where there is no such command line, or the work fails.
pub fn answer(
    arguments: impl IntoIterator<Item = OsString>,
    listener: Arc<dyn Listener>,
) -> Result<Answer, Refused> {
    let cli = parse(arguments)?;
    let ui = Ui::told(cli.ui, listener);
    let outcome = run_command(cli.command, &ui)?;
    Ok(Answer { text: ui.into_answer(), is_accepted: matches!(outcome, Outcome::Done) })
}

/// A network in memory, and what is to be compiled of it: what a command line of `pfp compile` reads.
pub struct Recipe {
    args: CompileArgs,
    ui: UiArgs,
    source: Arc<Source>,
    parameters: Option<Safetensors>,
    /// The items of a call; `None` where the network leaves that open.
    items: Option<i64>,
}

impl Recipe {
    /// Reads the files of a command line of `pfp compile`, without the name of the program. Nothing is
    /// compiled and nothing written.
    ///
    /// # Errors
    ///
    /// Where there is no such command line, a file holds no network or no parameters, or these do not fit
    /// each other.
    pub fn open(
        arguments: impl IntoIterator<Item = OsString>,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, Refused> {
        let cli = parse(arguments)?;
        let Command::Compile(args) = cli.command else {
            return Err(Refused::Usage("a recipe is a command line of pfp compile".into()));
        };
        let ui = Ui::told(cli.ui, listener);
        ui.stage("reading the network");
        let model = &args.model;
        let mut imported = open_module(&model.module, model.batch, &model.reading, &ui)?;
        let parameters = imported.parameters(model.params.as_deref())?;
        let source = imported.source;
        let items = {
            let session = Session::new();
            let batch = model.batch.filter(|_| imported.batch.is_none());
            let network = Network::open(&session, &source, parameters.as_ref(), batch)?;
            ui.remarks(&network);
            model.remark(&network, &ui);
            let batch = network.function(args.function.as_deref())?.signature.batch();
            let is_open = network.has_free_batch() && model.batch.is_none();
            (!is_open).then(|| i64::try_from(batch).unwrap_or(i64::MAX))
        };
        Ok(Self { args, ui: cli.ui, source, parameters, items })
    }

    /// The module, as text.
    pub fn module(&self) -> &[u8] {
        self.source.bytes()
    }

    /// The parameter file, where there is one.
    pub fn parameters(&self) -> Option<&[u8]> {
        self.parameters.as_ref().map(Safetensors::bytes)
    }

    /// How many items a call takes; `None` where that is chosen at each compilation.
    pub fn items(&self) -> Option<i64> {
        self.items
    }

    /// Compiles the function for this machine, for so many items in a call where that is open.
    ///
    /// # Errors
    ///
    /// As `pfp compile`.
    pub fn compile(&self, items: i64, listener: Arc<dyn Listener>) -> Result<Compiled, Error> {
        let ui = Ui::told(self.ui, listener);
        let args = &self.args;
        let (mode, name) = (args.mode()?, args.function.as_deref());
        let session = Session::new();
        let parameters = self.parameters.as_ref();
        let batch = match (self.items, args.model.batch) {
            (None, _) => Some(items),
            // A batch that the module or its importer has fixed is the one that it has.
            (Some(_), None) => None,
            (Some(items), Some(_)) => Some(items),
        };
        let mut network = Network::open(&session, &self.source, parameters, batch)?;
        let note = |note| ui.notes(&[note]);
        args.head.append_noting(&mut network, (mode, name), calibration_of(parameters)?, &note)?;
        let options = Options { mode, schedules: args.schedules(&network)?, ..Options::default() };
        let function = network.function(name)?;
        let target = target::find(HOST, None)?;
        network.compile(function, &target, &options, &|stage| ui.stage(stage))
    }
}

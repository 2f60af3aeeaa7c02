//! `pfp completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use pfp_compiler::error::Error;

use super::{Cli, Outcome, Ui};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pfp completions bash > ~/.local/share/bash-completion/completions/pfp"
)]
pub struct CompletionsArgs {
    shell: Shell,
}

pub fn completions(args: CompletionsArgs, ui: &Ui) -> Result<Outcome, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pfp", &mut script);
    ui.print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Outcome::Done)
}

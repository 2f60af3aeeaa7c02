//! `pfp board`.

mod test;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pfp_agent::description::Description;
use pfp_compiler::{error::Error, target};
use serde_json::json;

use super::{Outcome, Ui, table::Table};
use crate::board::{
    agents::architecture_of,
    connection::Connection,
    file::{self, Board, Boards},
    identify,
    ssh::Remote,
};

/// Name boards, list them, and try them
#[derive(Debug, Args)]
#[command(
    after_help = "A board is a Linux machine that ssh reaches with a key. A small program, the \
agent, is copied there once, into ~/.cache/pfp; nothing is installed and no port is opened. Then
`pfp run`, `check`, `bench`, `eval` and `tune` take --on BOARD. See docs/boards.md.

Examples:
  pfp board add pi --host pi@raspberrypi.local
  pfp board test pi
  pfp bench lenet.mlir --params lenet.safetensors --on pi"
)]
pub struct BoardArgs {
    #[command(subcommand)]
    command: BoardCommand,

    /// The file of the boards [default: $PFP_BOARDS, else ~/.config/pfp/boards.toml]
    #[arg(long, value_name = "FILE", global = true)]
    boards: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum BoardCommand {
    Add(AddArgs),
    List(ListArgs),
    Test(TestArgs),
}

/// Connect to a board, find out what it is, and name it
#[derive(Debug, Args)]
struct AddArgs {
    /// What to call it
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,

    /// What ssh calls it: a host, USER@HOST, or a name of ~/.ssh/config
    #[arg(long, value_name = "HOST", value_parser = host)]
    host: String,

    /// The target triple, such as aarch64-linux-gnu [default: as the board says]
    #[arg(long, value_name = "TRIPLE")]
    platform: Option<String>,

    /// The CPU, by its LLVM name [default: as the board says]
    #[arg(long, value_name = "NAME")]
    cpu: Option<String>,

    /// The CPUs to run on, by number [default: the last ones]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    cpus: Vec<usize>,

    /// A word of a command that runs the agent, such as an emulator; once for each word
    #[arg(long, value_name = "WORD", allow_hyphen_values = true, requires = "platform")]
    runner: Vec<String>,

    /// Where the agent lies on the board [default: ~/.cache/pfp]
    #[arg(long, value_name = "DIR")]
    directory: Option<String>,

    /// An option for ssh; once for each word
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    ssh: Vec<String>,

    /// Replace a board of this name
    #[arg(long)]
    replace: bool,
}

/// List the boards
#[derive(Debug, Args)]
struct ListArgs {}

/// Try each step of a run on a board, and tell its time
#[derive(Debug, Args)]
struct TestArgs {
    /// Which board
    #[arg(value_name = "NAME")]
    name: String,
}

fn name(text: &str) -> Result<String, String> {
    file::check_name(text).map(|()| text.to_owned())
}

fn host(text: &str) -> Result<String, String> {
    file::check_host(text).map(|()| text.to_owned())
}

pub fn board(args: BoardArgs, ui: &Ui) -> Result<Outcome, Error> {
    let boards = Boards::read(args.boards.as_deref())?;
    match args.command {
        BoardCommand::Add(args) => add(args, boards, ui),
        BoardCommand::List(ListArgs {}) => list(&boards, ui),
        BoardCommand::Test(args) => test::test(boards.find(&args.name)?, &args.name, ui),
    }
}

fn add(args: AddArgs, mut boards: Boards, ui: &Ui) -> Result<Outcome, Error> {
    boards.check_free(&args.name, args.replace)?;
    let mut board = Board {
        host: args.host,
        platform: args.platform.clone().unwrap_or_default(),
        cpu: args.cpu,
        cpus: args.cpus,
        runner: args.runner,
        directory: args.directory,
        ssh: args.ssh,
    };
    file::check(&board).map_err(Error::request)?;
    ui.stage(&format!("connecting to {}", board.host));
    if args.platform.is_none() {
        board.platform = platform(&board)?;
    }
    let connection = Connection::open(&board, ui.teller())?;
    let found = &connection.board;
    if identify::platform(&found.architecture).is_none() {
        return Err(Error::request(format!(
            "the agent runs on {} ({}), but pfp makes no code for {}",
            board.host, found.name, found.architecture
        ))
        .with_help("there is code for aarch64-linux-gnu and x86_64-linux-gnu"));
    }
    board.cpu.get_or_insert_with(|| identify::cpu(found).to_owned());
    check_found(&board, found)?;
    boards.add(&args.name, &board, args.replace)?;
    match ui.json() {
        true => ui.print_json(&json!({ "name": args.name, "board": board, "found": found }))?,
        false => ui.print(format!(
            "{}: {}\nin {}",
            args.name,
            description(&board, found),
            boards.path().display()
        ))?,
    }
    Ok(Outcome::Done)
}

/// Refuses a CPU that a board says it has not, or that knows instructions which its own does not.
fn check_found(board: &Board, found: &Description) -> Result<(), Error> {
    if let Some(cpu) = board.cpus.iter().find(|&cpu| !found.allowed.contains(cpu)) {
        return Err(Error::request(format!(
            "{} has no CPU {cpu}: it has {:?}",
            board.host, found.allowed
        ))
        .with_help("name others with --cpus"));
    }
    let target = board.target()?;
    let needed = target::needed_features(&target);
    let lacking: Vec<_> =
        needed.into_iter().filter(|name| !found.features.contains(name)).collect();
    // An emulator has what it is told to have, not what the system says.
    match lacking.is_empty() || !board.runner.is_empty() {
        true => Ok(()),
        false => Err(Error::request(format!(
            "{} lacks, of what code for '{}' uses: {}",
            board.host,
            target.cpu,
            lacking.join(", ")
        ))
        .with_help("name another with --cpu, or leave it to what the board says")),
    }
}

/// The platform of a board, by what its system says.
fn platform(board: &Board) -> Result<String, Error> {
    let mut remote = Remote::start(board, "uname -s -m")?;
    let mut said = String::new();
    if let Some(mut from) = remote.child.stdout.take() {
        std::io::Read::read_to_string(&mut from, &mut said)
            .map_err(|error| Error::request(format!("{} says no text: {error}", board.host)))?;
    }
    let (status, error) = remote.finish()?;
    // What the shell says first is not the answer.
    let answer = said.lines().last().unwrap_or_default();
    match answer.split_once(' ') {
        Some(("Linux", machine)) => {
            let architecture = architecture_of(machine);
            let known = identify::platform(architecture).map(ToOwned::to_owned);
            Ok(known.unwrap_or_else(|| format!("{architecture}-linux-gnu")))
        }
        Some((system, _)) => {
            Err(Error::request(format!("{} runs {system}; a board runs Linux", board.host)))
        }
        None => Err(Error::request(format!(
            "{} does not tell what it is: {status} {error}",
            board.host
        ))
        .with_help("name its platform: --platform aarch64-linux-gnu")),
    }
}

fn description(board: &Board, found: &Description) -> String {
    let memory = found.memory.map_or(String::new(), |bytes| format!(", {} MB", bytes >> 20));
    format!(
        "{}, {} CPU(s){memory}; code for {} {}",
        found.name,
        found.cpus,
        board.platform,
        board.cpu.as_deref().unwrap_or("of any kind")
    )
}

fn list(boards: &Boards, ui: &Ui) -> Result<Outcome, Error> {
    if ui.json() {
        ui.print_json(boards.all())?;
        return Ok(Outcome::Done);
    }
    if boards.all().is_empty() {
        ui.print(format!(
            "{} has no boards; add one: pfp board add NAME --host HOST",
            boards.path().display()
        ))?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&["name", "host", "platform", "cpu", "cpus", "runner"], 6);
    for (name, board) in boards.all() {
        let cpus: Vec<_> = board.cpus.iter().map(ToString::to_string).collect();
        table.row(vec![
            name.clone(),
            board.host.clone(),
            board.platform.clone(),
            board.cpu.clone().unwrap_or_else(|| "-".into()),
            if cpus.is_empty() { "-".into() } else { cpus.join(",") },
            board.runner.first().cloned().unwrap_or_else(|| "-".into()),
        ]);
    }
    ui.print(table)?;
    Ok(Outcome::Done)
}

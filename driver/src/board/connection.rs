//! A running agent, which is put on the board first where it is missing.

use std::{
    io::{self, BufReader, BufWriter, Read, Write},
    process::{ChildStdin, ChildStdout},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use pfp_agent::{
    description::Description,
    protocol::{self, FrameError, MARK, Reply, Request, VERSION},
};
use pfp_compiler::error::Error;

use super::{
    agents::{Agent, architecture_of},
    file::Board,
    ssh::{Remote, quote},
};

/// Is told what a user should know meanwhile.
pub type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// How much text of a shell is skipped before the agent speaks.
const TEXT_LIMIT: usize = 64 << 10;

/// What the script says where there is no agent yet.
const NO_AGENT: &str = "pfp: no agent";

/// How long an agent may take to end.
const PATIENCE: Duration = Duration::from_millis(500);

/// Exit statuses of the scripts.
const MISSING: i32 = 96;
const NOT_WRITTEN: i32 = 97;
const NOT_WHOLE: i32 = 98;
const DOES_NOT_RUN: i32 = 99;

/// An agent that runs, and is asked by one at a time.
pub struct Connection {
    /// What the board is.
    pub board: Description,
    /// How long it took to start the agent.
    pub started: Duration,
    /// How long it took to put it there, where that was necessary.
    pub uploaded: Option<Duration>,
    pipes: Mutex<Box<Pipes>>,
    tell: Tell,
}

struct Pipes {
    remote: Remote,
    /// `None` after the end.
    to: Option<BufWriter<ChildStdin>>,
    from: BufReader<ChildStdout>,
}

impl Connection {
    /// Starts the agent of a board.
    ///
    /// # Errors
    ///
    /// Where ssh fails, the agent cannot be put on the board or does not run there; says what to do.
    pub fn open(board: &Board, tell: Tell) -> Result<Self, Error> {
        let agent = Agent::find(board.architecture())?;
        let start = Instant::now();
        if let Started::Runs(pipes, description) = Self::start(board, &agent)? {
            return Ok(Self::new((pipes, *description), start.elapsed(), None, tell));
        }
        tell(&format!("putting the agent on {}", board.host));
        upload(board, &agent)?;
        let uploaded = start.elapsed();
        let start = Instant::now();
        match Self::start(board, &agent)? {
            Started::Runs(pipes, description) => {
                Ok(Self::new((pipes, *description), start.elapsed(), Some(uploaded), tell))
            }
            Started::Missing => Err(Error::request(format!(
                "the agent that was put on {} is not there any more",
                board.host
            ))),
        }
    }

    fn new(
        (pipes, board): (Box<Pipes>, Description),
        started: Duration,
        uploaded: Option<Duration>,
        tell: Tell,
    ) -> Self {
        Self { board, started, uploaded, pipes: Mutex::new(pipes), tell }
    }

    fn start(board: &Board, agent: &Agent) -> Result<Started, Error> {
        let script = format!(
            "d={}; a=\"$d\"/{}; if [ -x \"$a\" ] && [ \"$(wc -c <\"$a\")\" -eq {} ]; then \
             exec {}\"$a\" serve; fi; echo \"{NO_AGENT}: $(uname -m)\"; exit {MISSING}",
            directory(board),
            agent.name(),
            agent.bytes.len(),
            runner(board),
        );
        let mut remote = Remote::start(board, &script)?;
        let to = remote.child.stdin.take().map(BufWriter::new);
        let from = remote.child.stdout.take().map(BufReader::new);
        let mut from = from.ok_or_else(|| Error::Internal("ssh has no pipes".into()))?;
        match skip_text(&mut from) {
            Ok(()) => greeted(Pipes { remote, to, from }, board),
            Err(text) => {
                drop(to);
                let (status, said) = remote.finish()?;
                match status.code() {
                    Some(MISSING) => {
                        check_machine(board, &text)?;
                        Ok(Started::Missing)
                    }
                    _ => Err(does_not_run(board, &format!("{text} {said}"))),
                }
            }
        }
    }

    /// Asks the agent, and waits for its answer.
    ///
    /// # Errors
    ///
    /// Where the connection ends, or the agent refuses.
    pub fn ask(&self, request: &Request, payload: &[&[u8]]) -> Result<(Reply, Vec<u8>), Error> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = pipes.ask(request, payload, &self.tell);
        match answer {
            Ok((Reply::Failed { message }, _)) => Err(Error::request(message)),
            Ok(answer) => Ok(answer),
            Err(FrameError::Malformed(what)) => {
                Err(Error::request(format!("the agent answers what is no answer: {what}")))
            }
            Err(FrameError::Pipe(_)) => {
                drop(pipes.to.take());
                let (status, said) = pipes.remote.finish()?;
                let said = if said.is_empty() { format!("{status}") } else { said };
                Err(Error::request(format!("the agent ended: {said}")).with_help(
                    "is there enough memory on the board? `pfp board test` tries each step",
                ))
            }
        }
    }
}

impl Pipes {
    fn ask(
        &mut self,
        request: &Request,
        payload: &[&[u8]],
        tell: &Tell,
    ) -> Result<(Reply, Vec<u8>), FrameError> {
        let to = self.to.as_mut().ok_or(FrameError::Pipe(io::ErrorKind::BrokenPipe.into()))?;
        protocol::write(to, request, payload)?;
        to.flush()?;
        loop {
            match protocol::read::<Reply>(&mut self.from)? {
                Some((Reply::Waiting { pid, since }, _)) => tell(&waiting(pid, since)),
                Some(answer) => return Ok(answer),
                None => return Err(FrameError::Pipe(io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }
}

impl Drop for Pipes {
    /// The agent ends at the end of its input; the next client need not wait for it.
    fn drop(&mut self) {
        drop(self.to.take());
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.remote.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What came of starting an agent.
enum Started {
    Runs(Box<Pipes>, Box<Description>),
    Missing,
}

fn waiting(pid: Option<i32>, since: Option<u64>) -> String {
    let pid = pid.map_or(String::new(), |pid| format!(" (process {pid})"));
    let since = since.map_or(String::new(), |seconds| format!(", which has run for {seconds} s"));
    format!("waiting for another client of the board{pid}{since}")
}

/// Reads the greeting.
fn greeted(mut pipes: Pipes, board: &Board) -> Result<Started, Error> {
    match protocol::read_after_mark::<Reply>(&mut pipes.from) {
        Ok((Reply::Greeting { version: VERSION, board }, _)) => {
            Ok(Started::Runs(Box::new(pipes), Box::new(board)))
        }
        Ok((Reply::Greeting { version, .. }, _)) => Err(Error::request(format!(
            "the agent on {} speaks version {version} of the protocol, this pfp version {VERSION}",
            board.host
        ))
        .with_help("build the agents of this pfp: ./x agent")),
        Ok(_) | Err(_) => Err(Error::request(format!(
            "the agent on {} does not begin with a greeting of the protocol",
            board.host
        ))
        .with_help("build the agents of this pfp: ./x agent")),
    }
}

/// Skips what the shell of the board says, up to the first frame; else returns the text.
fn skip_text(from: &mut impl Read) -> Result<(), String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while text.len() < TEXT_LIMIT && from.read(&mut byte).is_ok_and(|read| read == 1) {
        text.push(byte[0]);
        if text.ends_with(&MARK) {
            return Ok(());
        }
    }
    Err(String::from_utf8_lossy(&text).trim().to_owned())
}

/// The folder of the agent, as a word of the script.
fn directory(board: &Board) -> String {
    match board.directory.as_deref() {
        None => "${XDG_CACHE_HOME:-$HOME/.cache}/pfp".into(),
        Some("~") => "$HOME".into(),
        Some(directory) => match directory.strip_prefix("~/") {
            Some(rest) => format!("$HOME/{}", quote(rest)),
            None => quote(directory),
        },
    }
}

/// What runs the agent, before its name.
fn runner(board: &Board) -> String {
    board.runner.iter().map(|word| quote(word) + " ").collect()
}

/// Refuses a board of another architecture, as its script told it. A runner makes it one of its own.
fn check_machine(board: &Board, text: &str) -> Result<(), Error> {
    let machine = text.rsplit(": ").next().unwrap_or_default().trim();
    let (found, wanted) = (architecture_of(machine), board.architecture());
    match found == wanted || !board.runner.is_empty() {
        true => Ok(()),
        false => Err(other_architecture(board, machine)),
    }
}

fn other_architecture(board: &Board, machine: &str) -> Error {
    Error::request(format!(
        "{} is a machine of the architecture {machine}, but its platform says {}",
        board.host,
        board.architecture()
    ))
    .with_help("correct the `platform` of the board, or let `pfp board add` find it")
}

fn does_not_run(board: &Board, said: &str) -> Error {
    let said = said.trim();
    let error = Error::request(format!("the agent does not run on {}: {said}", board.host));
    if said.contains("Exec format error") {
        return error.with_help(format!(
            "the board does not run code for {}: correct its `platform`",
            board.architecture()
        ));
    }
    if said.contains("ermission denied") {
        return error.with_help(
            "may programs be run from there? set the `directory` of the board to a folder without noexec",
        );
    }
    if !board.runner.is_empty() && said.contains("not found") {
        return error.with_help("is the `runner` of the board installed there?");
    }
    error.with_help("try it by hand: ssh HOST uname -a".replace("HOST", &board.host))
}

/// Puts an agent on a board: under another name first, which gets the right one when the board has
/// checked it. Older ones go.
fn upload(board: &Board, agent: &Agent) -> Result<(), Error> {
    let (name, run) = (agent.name(), runner(board));
    let script = format!(
        "umask 077; d={directory}; mkdir -p \"$d\" || exit {NOT_WRITTEN}; t=\"$d\"/.{name}.$$; \
         trap 'rm -f \"$t\"' EXIT; trap 'exit 1' HUP INT TERM PIPE; \
         cat >\"$t\" || exit {NOT_WRITTEN}; s=$(wc -c <\"$t\"); [ \"$s\" -eq {bytes} ] || exit {NOT_WHOLE}; \
         chmod 700 \"$t\" || exit {NOT_WRITTEN}; h=$({run}\"$t\" digest \"$t\") || exit {DOES_NOT_RUN}; \
         [ \"$h\" = {sha256} ] || exit {NOT_WHOLE}; \
         for o in \"$d\"/{prefix}*; do rm -f \"$o\"; done; \
         mv -f \"$t\" \"$d\"/{name} || exit {NOT_WRITTEN}",
        directory = directory(board),
        bytes = agent.bytes.len(),
        sha256 = agent.sha256,
        prefix = agent.prefix(),
    );
    let mut remote = Remote::start(board, &script)?;
    if let Some(to) = &mut remote.child.stdin {
        // Where the board stops reading, its script says why.
        let _ = to.write_all(&agent.bytes);
    }
    let (status, said) = remote.finish()?;
    let cannot = format!("the agent cannot be put on {}", board.host);
    let megabytes = agent.bytes.len().div_ceil(1 << 20);
    match status.code() {
        Some(0) => Ok(()),
        Some(NOT_WRITTEN) if said.contains("No space left") || said.contains("quota") => {
            Err(Error::request(format!("{cannot}: its disk is full: {said}")).with_help(format!(
                "make room for {megabytes} MB, or set the `directory` of the board to another disk"
            )))
        }
        Some(NOT_WRITTEN) => Err(Error::request(format!("{cannot}: {said}"))
            .with_help("set the `directory` of the board to a folder that can be written")),
        Some(NOT_WHOLE) => {
            Err(Error::request(format!("{cannot}: what arrived is not what was sent"))
                .with_help("try again"))
        }
        Some(DOES_NOT_RUN) => Err(does_not_run(board, &said)),
        _ => Err(Error::request(format!("{cannot}: {status} {said}"))),
    }
}

//! Signals that end the process: temporary files are removed, and programs that it started end.

use std::{
    fs,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, waitid, waitpid},
    },
    unistd::Pid,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
    low_level::emulate_default_handler,
};
use tempfile::TempDir;

/// What a signal must not leave behind.
#[derive(Debug, Clone, PartialEq)]
enum Leftover {
    /// A file that has no place yet.
    File(PathBuf),
    /// A directory and what is in it.
    Scratch(PathBuf),
    /// A directory that was made for outputs; it stays where something is in it.
    Folder(PathBuf),
    /// A process group.
    Children(Pid),
}

/// Whoever changes what is on disk, or starts a program, holds it meanwhile.
static LEFTOVERS: Mutex<Vec<Leftover>> = Mutex::new(Vec::new());

fn leftovers() -> MutexGuard<'static, Vec<Leftover>> {
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cleans up on SIGINT, SIGTERM and SIGHUP, then ends the process by that signal. A signal that
/// the process was told to ignore, as nohup does, stays ignored.
///
/// # Errors
///
/// Where the system refuses a handler or a thread.
pub fn clean_up_on_signals() -> io::Result<()> {
    // A file that gets too large is then an error of whoever writes it, as a full disk is.
    flag::register(SIGXFSZ, Arc::default())?;
    let ignored = ignored_signals();
    let caught = [SIGINT, SIGTERM, SIGHUP];
    let caught = caught.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(caught)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Never released: the rest of the process may not make anything new, nor end first.
            let mut leftovers = leftovers();
            leftovers.drain(..).rev().for_each(Leftover::remove);
            // It only fails for a number that is no signal.
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// The signals that this process ignores, as a set of bits.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

impl Leftover {
    fn remove(self) {
        // What is gone already, or cannot be removed, there is nobody to tell of.
        let _ = match self {
            Self::File(path) => fs::remove_file(path),
            Self::Scratch(path) => fs::remove_dir_all(path),
            Self::Folder(path) => fs::remove_dir(path),
            Self::Children(group) => {
                end(group);
                Ok(())
            }
        };
    }
}

/// Ends a process group: it is asked to, and killed where it does not within a second.
fn end(group: Pid) {
    let _ = killpg(group, Signal::SIGTERM);
    for _ in 0..50 {
        let _ = waitpid(Pid::from_raw(-group.as_raw()), Some(WaitPidFlag::WNOHANG));
        // Errs when nobody is left.
        if killpg(group, None).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = killpg(group, Signal::SIGKILL);
}

/// Does what a signal may not divide.
pub fn undivided<T>(work: impl FnOnce() -> T) -> T {
    let _held = leftovers();
    work()
}

/// Something that is removed on a signal, until this is dropped.
#[derive(Debug)]
pub struct Guard(Leftover);

impl Guard {
    /// Makes a temporary file.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub fn file<T>(
        make: impl FnOnce() -> io::Result<T>,
        path: impl FnOnce(&T) -> &Path,
    ) -> io::Result<(T, Self)> {
        Self::around(make, |made| Leftover::File(path(made).to_owned()))
    }

    /// Makes a directory for outputs.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn folder(path: &Path) -> io::Result<Self> {
        let make = || fs::create_dir(path);
        Ok(Self::around(make, |()| Leftover::Folder(path.to_owned()))?.1)
    }

    fn around<T>(
        make: impl FnOnce() -> io::Result<T>,
        leftover: impl FnOnce(&T) -> Leftover,
    ) -> io::Result<(T, Self)> {
        let mut leftovers = leftovers();
        let made = make()?;
        let leftover = leftover(&made);
        leftovers.push(leftover.clone());
        Ok((made, Self(leftover)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leftovers().retain(|leftover| *leftover != self.0);
    }
}

/// A directory for temporary files, removed when it is dropped or a signal ends the process.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    _guard: Guard,
}

impl Scratch {
    /// An empty directory.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn new() -> io::Result<Self> {
        Self::named(".tmp")
    }

    /// An empty directory whose name begins so.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn named(prefix: &str) -> io::Result<Self> {
        let make = || tempfile::Builder::new().prefix(prefix).tempdir();
        let leftover = |made: &TempDir| Leftover::Scratch(made.path().to_owned());
        let (directory, guard) = Guard::around(make, leftover)?;
        Ok(Self { directory, _guard: guard })
    }

    /// Lets it stay.
    pub fn keep(self) {
        let _ = self.directory.keep();
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Runs a program, and returns how it ended and what it said on standard error. It ends with this
/// process, and so does what it starts.
///
/// # Errors
///
/// Where it cannot be started or read.
pub fn run(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    let (status, said) = run_reading(command, |stderr| {
        let mut said = Vec::new();
        stderr.read_to_end(&mut said)?;
        Ok(said)
    })?;
    Ok((status, String::from_utf8_lossy(&said).trim().to_owned()))
}

/// As [`run`], with what it says on standard error read by a function, until its end.
///
/// # Errors
///
/// As [`run`], and those of the function.
pub fn run_reading<T>(
    command: &mut Command,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> io::Result<(ExitStatus, T)> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // A group of its own, so that one signal reaches all of it.
    command.process_group(0);
    let group = |child: &Child| Pid::from_raw(child.id().cast_signed());
    let (mut child, guard) =
        Guard::around(|| command.spawn(), |child| Leftover::Children(group(child)))?;
    let said = match child.stderr.take() {
        Some(mut stderr) => read(&mut stderr),
        None => read(&mut io::empty()),
    };
    // Until it is reaped, its number is nobody else's.
    let _ = waitid(Id::Pid(group(&child)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
    drop(guard);
    Ok((child.wait()?, said?))
}

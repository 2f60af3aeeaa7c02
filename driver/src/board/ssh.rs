//! Commands on a board, and what ssh says where they fail.
//!
//! It is the system's ssh, with the user's configuration, keys and known hosts. Nothing is asked for on a
//! terminal, and no key of a host is accepted that is not known.

use std::{
    env,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        net::UnixStream,
    },
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use pfp_compiler::error::Error;
use sha2::{Digest, Sha256};

use super::file::Board;

/// How long a connection is kept for the next command, in seconds.
const PERSIST: &str = "60";

/// The longest path of a socket, and what ssh appends to it meanwhile.
const SOCKET_LIMIT: usize = 104 - 18;

/// The exit status of ssh where it is ssh that failed.
const FAILED: i32 = 255;

/// A command that runs on a board.
pub struct Remote {
    /// The process of ssh, with pipes to the command.
    pub child: Child,
    said: File,
    host: String,
}

impl Remote {
    /// Starts a script of `sh` on a board.
    ///
    /// # Errors
    ///
    /// Where ssh cannot be started.
    pub fn start(board: &Board, script: &str) -> Result<Self, Error> {
        let broken = |error| Error::request(format!("no temporary file: {error}"));
        // A file: a connection that is kept would hold a pipe open.
        let said = tempfile::tempfile().map_err(broken)?;
        let mut command = Command::new("ssh");
        command.args(["-T", "-o", "BatchMode=yes"]).args(sharing(board)).args(&board.ssh);
        command.args(["--", &board.host, &format!("exec sh -c {}", quote(script))]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(said.try_clone().map_err(broken)?);
        let child = command.spawn().map_err(|error| {
            Error::request(format!("ssh cannot be started: {error}"))
                .with_help("install it: apt-get install openssh-client")
        })?;
        Ok(Self { child, said, host: board.host.clone() })
    }

    /// Waits for the end; returns the status, and what was written on standard error.
    ///
    /// # Errors
    ///
    /// Where ssh itself failed; says what to do.
    pub fn finish(&mut self) -> Result<(ExitStatus, String), Error> {
        drop(self.child.stdin.take());
        let status = self
            .child
            .wait()
            .map_err(|error| Error::request(format!("ssh cannot be waited for: {error}")))?;
        let said = self.said();
        match status.code() {
            // Or it was ended by a signal.
            Some(FAILED) | None => Err(failure(&self.host, &said)),
            _ => Ok((status, said)),
        }
    }

    /// What was written on standard error so far.
    fn said(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self
            .said
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.said.read_to_end(&mut bytes))
            .map(|_| String::from_utf8_lossy(&bytes).trim().to_owned());
        read.unwrap_or_default()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Neither fails for a process that has not been waited for, and both do nothing after that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A word of a shell.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Options that let commands share a connection, and tell a dead one, where the user has none.
fn sharing(board: &Board) -> Vec<String> {
    let path = control_path(board);
    if let Some(path) = path.as_deref().filter(|path| UnixStream::connect(path).is_ok()) {
        // It was decided when the connection began.
        return control(path);
    }
    let mut command = Command::new("ssh");
    command.arg("-G").args(&board.ssh).args(["--", &board.host]).stdin(Stdio::null());
    let Ok(printed) = command.output() else { return Vec::new() };
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let is = |key: &str, values: &[&str]| {
        let mut lines = printed.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(name, _)| *name == key).map(|(_, value)| value);
        found.is_none_or(|value| values.contains(&value))
    };
    let mut options = Vec::new();
    if is("serveraliveinterval", &["0"]) {
        options.extend(["-o".into(), "ServerAliveInterval=15".into()]);
    }
    if is("connecttimeout", &["none"]) {
        options.extend(["-o".into(), "ConnectTimeout=10".into()]);
    }
    let shares_none = is("controlpath", &["none"]) && is("controlmaster", &["no", "false"]);
    if let Some(path) = path.filter(|_| shares_none) {
        options.extend(control(&path));
    }
    options
}

/// Options that share a connection by this socket.
fn control(path: &str) -> Vec<String> {
    let options = [
        "ControlMaster=auto",
        &format!("ControlPath={path}"),
        &format!("ControlPersist={PERSIST}"),
    ];
    options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]).collect()
}

/// The socket of a board's shared connection, in a folder that only this user may use.
fn control_path(board: &Board) -> Option<String> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = set("XDG_RUNTIME_DIR")
        .or_else(|| set("XDG_CACHE_HOME"))
        .or_else(|| Some(set("HOME")?.join(".cache")))?
        .join("pfp-ssh");
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&folder).ok()?;
    let found = fs::symlink_metadata(&folder).ok()?;
    let is_private = found.is_dir()
        && found.uid() == nix::unistd::geteuid().as_raw()
        && found.mode() & 0o077 == 0;
    let folder = folder.to_str().filter(|folder| !folder.contains([' ', '%', '"', '$', '~']))?;
    // What else than the host leads elsewhere.
    let words = [std::slice::from_ref(&board.host), &board.ssh[..]].concat().join("\0");
    let hash: String =
        Sha256::digest(words)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("{folder}/{hash}");
    (is_private && path.len() <= SOCKET_LIMIT).then_some(path)
}

/// What is done about what ssh says.
const ADVICE: [(&str, &str); 9] = [
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host is not the one that it was: find out why before you remove its key with ssh-keygen -R",
    ),
    (
        "Host key verification failed",
        "its key is not known: connect once with `ssh HOST`, and compare the key",
    ),
    (
        "Permission denied",
        "nothing is asked for, so a password cannot be given: let ssh use a key (ssh-copy-id HOST), and \
         unlock it with ssh-agent",
    ),
    ("Could not resolve hostname", "correct the `host` of the board, or add it to ~/.ssh/config"),
    ("Connection refused", "is the board on, and does sshd run there?"),
    ("timed out", "is the board on, and in this network?"),
    ("No route to host", "is the board on, and in this network?"),
    ("Bad owner or permissions", "correct the permissions of the file"),
    ("Bad configuration option", "correct the `ssh` options of the board, or ~/.ssh/config"),
];

fn failure(host: &str, said: &str) -> Error {
    let message = match said {
        "" => format!("the connection to {host} ended"),
        _ => format!("no connection to {host}: {said}"),
    };
    let advice = ADVICE.iter().find(|(text, _)| said.contains(text));
    let advice = advice.map_or("try it by hand: ssh HOST", |(_, advice)| advice);
    Error::request(message).with_help(advice.replace("HOST", host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_whatever_is_in_it() {
        for word in ["plain", "it's", "$(reboot)", "a b;c", "", "'", "\\", "*"] {
            let script = format!("printf %s {}", quote(&quote(word)));
            let outer = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(outer.stdout).unwrap(), quote(word));
            let script = format!("printf %s {}", quote(word));
            let inner = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(inner.stdout).unwrap(), word);
        }
    }

    #[test]
    fn what_ssh_says_comes_with_advice() {
        let Error::Request { message, help } = failure("pi", "Host key verification failed.")
        else {
            panic!("another error")
        };
        assert_eq!(message, "no connection to pi: Host key verification failed.");
        assert!(help.unwrap().contains("connect once with `ssh pi`"));
    }
}

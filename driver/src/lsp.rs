//! What stands between an editor and MLIR's language server.
//!
//! The server reads and writes the standard streams. Here they become pipes, and two threads carry
//! the messages across: [`filter`] says what becomes of each.

mod filter;
mod ops;
mod text;

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use nix::unistd::{dup2_stdin, dup2_stdout, pipe};
use serde_json::{Value, json};

use filter::{Filter, Step};

/// The largest message that is read, in bytes.
const MESSAGE_LIMIT: u64 = 1 << 30;

/// Does the server speak the protocol with these arguments? Otherwise it prints a text, or reads
/// the messages of MLIR's own tests, which are framed another way.
pub fn is_filtered(arguments: impl Iterator<Item = String>) -> bool {
    let others = ["help", "version", "lit-test", "input-style"];
    !arguments
        .into_iter()
        .any(|argument| argument == "-h" || others.iter().any(|other| argument.contains(other)))
}

/// Runs a server whose standard streams are filtered, and returns its status.
///
/// # Errors
///
/// Where the streams cannot be exchanged.
pub fn filtered(serve: impl FnOnce() -> i32) -> io::Result<i32> {
    let (editor_in, editor_out) = {
        let own = |stream: &dyn AsFd| stream.as_fd().try_clone_to_owned().map(File::from);
        (own(&io::stdin())?, own(&io::stdout())?)
    };
    let (server_in, to_server) = pipe()?;
    let (of_server, server_out) = pipe()?;
    dup2_stdin(server_in)?;
    dup2_stdout(server_out)?;
    let filter = Arc::new(Mutex::new(Filter::default()));
    let editor = Arc::new(Mutex::new(editor_out));
    {
        let (filter, editor) = (Arc::clone(&filter), Arc::clone(&editor));
        // It ends with the input of the editor, or with the process.
        thread::Builder::new().name("editor to server".into()).spawn(move || {
            to_the_server(BufReader::new(editor_in), File::from(to_server), &filter, &editor)
        })?;
    }
    let answers = thread::Builder::new()
        .name("server to editor".into())
        .spawn(move || to_the_editor(BufReader::new(File::from(of_server)), &filter, &editor))?;
    let status = serve();
    // The pipe ends here: what is in it can be read to its end.
    dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
    let _ = answers.join();
    Ok(status)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries messages from the editor to the server until one of them is gone.
fn to_the_server(
    mut from: impl BufRead,
    mut to: impl Write,
    filter: &Mutex<Filter>,
    editor: &Mutex<impl Write>,
) -> io::Result<()> {
    while let Some(body) = read(&mut from)? {
        let steps = match serde_json::from_slice(&body) {
            Ok(message) => lock(filter).of_editor(message),
            Err(error) => vec![Step::Answer(json!({
                "jsonrpc": "2.0",
                "id": null,
                "error": { "code": -32700, "message": format!("the message is not JSON: {error}") },
            }))],
        };
        for step in steps {
            match step {
                Step::Forward(message) => write(&mut to, &message)?,
                Step::Answer(message) => write(&mut *lock(editor), &message)?,
            }
        }
    }
    Ok(())
}

/// Carries messages from the server to the editor until one of them is gone.
fn to_the_editor(
    mut from: impl BufRead,
    filter: &Mutex<Filter>,
    editor: &Mutex<impl Write>,
) -> io::Result<()> {
    while let Some(body) = read(&mut from)? {
        let message = serde_json::from_slice(&body).map_err(io::Error::from)?;
        let message = lock(filter).of_server(message);
        if let Some(message) = message {
            write(&mut *lock(editor), &message)?;
        }
    }
    Ok(())
}

/// The next message, without its header.
fn read(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let invalid = |what: &str| io::Error::new(ErrorKind::InvalidData, what);
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if from.take(1 << 12).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        match (line.trim(), length) {
            ("", Some(length)) => {
                let mut body = Vec::new();
                let read = from.take(length).read_to_end(&mut body)?;
                return Ok((read as u64 == length).then_some(body));
            }
            ("", None) => return Err(invalid("a message has no length")),
            (line, _) => {
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    let value = value.trim().parse().ok().filter(|&bytes| bytes <= MESSAGE_LIMIT);
                    length = Some(value.ok_or_else(|| invalid("a message has an invalid length"))?);
                }
            }
        }
    }
}

fn write(to: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(to, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    to.flush()
}

//! Work beside the interpreter.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use pfp::cli::{Cancelled, Listener, Refused};
use pfp_compiler::error::Error;
use pyo3::prelude::*;

use crate::error::{exception, failed};

/// How often the interpreter looks for signals.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a program waits for work that it cancelled. What takes longer ends by itself, unheard.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stack of a thread that compiles: passes recurse into what they read.
const STACK_BYTES: usize = 64 << 20;

/// What a worker tells the interpreter.
enum Message<T> {
    Line(String),
    Done(Result<T, Refused>),
    Cancelled,
}

/// Hands lines to the interpreter.
struct Teller<T> {
    messages: Sender<Message<T>>,
    is_cancelled: Arc<AtomicBool>,
}

impl<T: Send> Listener for Teller<T> {
    fn say(&self, line: &str) {
        // Nobody listens after a signal.
        let _ = self.messages.send(Message::Line(line.to_owned()));
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

/// Does work in a thread of its own, while the interpreter runs other threads and hears signals. `tell` gets
/// the lines that it says.
///
/// # Errors
///
/// Where the work fails or panics, a signal's handler raises an exception, such as `KeyboardInterrupt`, or
/// `tell` does; the work is then cancelled.
pub fn work<T: Send + 'static>(
    py: Python<'_>,
    tell: &Bound<'_, PyAny>,
    job: impl FnOnce(Arc<dyn Listener>) -> Result<T, Refused> + Send + 'static,
) -> PyResult<T> {
    let (sender, messages) = mpsc::channel();
    let is_cancelled = Arc::new(AtomicBool::new(false));
    let teller = Arc::new(Teller { messages: sender.clone(), is_cancelled: is_cancelled.clone() });
    let run = move || {
        let done = panic::catch_unwind(AssertUnwindSafe(|| job(teller)));
        let _ = sender.send(match done {
            Ok(result) => Message::Done(result),
            Err(payload) if payload.is::<Cancelled>() => Message::Cancelled,
            Err(payload) => Message::Done(Err(Error::Internal(text_of(&*payload)).into())),
        });
    };
    thread::Builder::new()
        .name("pfp".into())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .map_err(|error| failed(Error::request(format!("a thread cannot be started: {error}"))))?;
    let mut messages = messages;
    loop {
        // A receiver is of one thread: it goes along.
        let received;
        (messages, received) = py.detach(move || {
            let received = messages.recv_timeout(PAUSE);
            (messages, received)
        });
        let heard = match received {
            Ok(Message::Line(line)) => tell.call1((line,)).map(|_| ()),
            Ok(Message::Done(result)) => return result.map_err(|refused| exception(&refused)),
            Err(RecvTimeoutError::Timeout) => py.check_signals(),
            Ok(Message::Cancelled) | Err(RecvTimeoutError::Disconnected) => {
                return Err(failed(Error::Internal("the work ended without an answer".into())));
            }
        };
        if let Err(exception) = heard {
            is_cancelled.store(true, Ordering::Relaxed);
            py.detach(move || wait(messages));
            return Err(exception);
        }
    }
}

/// Waits for the end of work that was cancelled.
fn wait<T>(messages: Receiver<Message<T>>) {
    let start = Instant::now();
    while let Some(left) = PATIENCE.checked_sub(start.elapsed()) {
        match messages.recv_timeout(left) {
            Ok(Message::Line(_)) => {}
            _ => return,
        }
    }
}

/// What a panic said.
fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".into())
}

//! A process for each loaded network, which may crash alone.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use nix::{
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, dup2_stdin, dup2_stdout, fork, getppid},
};

use crate::{
    crash::Shared,
    model::Loaded,
    protocol::{self, Crash, FrameError, Model, Reply, Request},
    sysfs::Root,
};

/// The process of a network, as the agent sees it.
#[derive(Debug)]
pub struct Worker {
    pid: Pid,
    stream: UnixStream,
    shared: Shared,
    /// Has it been waited for?
    has_ended: bool,
}

impl Worker {
    /// Starts a process that loads a network, whose objects are in `payload`; it then answers. Of
    /// `own` only the agent itself may have a hold.
    ///
    /// # Errors
    ///
    /// Where the system starts no process.
    pub fn start(
        model: &Model,
        payload: &[u8],
        root: &Root,
        own: &[BorrowedFd],
    ) -> Result<Self, String> {
        let fail = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let shared = Shared::new()?;
        let (stream, of_child) =
            UnixStream::pair().map_err(|error| fail("no pair of sockets", &error))?;
        let agent = nix::unistd::getpid();
        // SAFETY: the agent has one thread.
        match unsafe { fork() }.map_err(|error| fail("no process can be started", &error))? {
            ForkResult::Parent { child } => {
                Ok(Self { pid: child, stream, shared, has_ended: false })
            }
            ForkResult::Child => {
                for file in own {
                    // SAFETY: the copies of this process, which uses them no more.
                    unsafe { libc::close(file.as_raw_fd()) };
                }
                drop(stream);
                let status = match work(of_child, &shared, agent, (model, payload, root)) {
                    Ok(()) => 0,
                    Err(error) => {
                        eprintln!("pfp-agent: {error}");
                        1
                    }
                };
                // Nothing of the agent is run down here.
                // SAFETY: ends the process.
                unsafe { libc::_exit(status) }
            }
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// Where the process has ended.
    pub fn send(&mut self, request: &Request, payload: &[u8]) -> io::Result<()> {
        protocol::write(&mut self.stream, request, &[payload])
    }

    /// The next reply.
    ///
    /// # Errors
    ///
    /// Where the process has ended.
    pub fn receive(&mut self) -> Result<(Reply, Vec<u8>), FrameError> {
        let reply = protocol::read(&mut self.stream)?;
        reply.ok_or_else(|| FrameError::Pipe(io::ErrorKind::UnexpectedEof.into()))
    }

    /// Where replies come from.
    pub fn stream(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// How the process ended, after it no longer answers.
    pub fn crash(mut self) -> Crash {
        // It ends, if it does not already.
        let _ = kill(self.pid, Signal::SIGKILL);
        self.has_ended = true;
        match waitpid(self.pid, None) {
            Ok(status) => self.shared.crash(status),
            Err(error) => Crash { ended_by: error.to_string(), offset: None, kernel: None },
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.has_ended {
            // Neither fails for a child that has not been waited for.
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

/// What the process does: it loads the network, and answers requests until there are no more.
fn work(
    mut stream: UnixStream,
    shared: &Shared,
    agent: Pid,
    (model, payload, root): (&Model, &[u8], &Root),
) -> Result<(), String> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| error.to_string())?;
    if getppid() != agent {
        return Ok(());
    }
    detach().map_err(|error| error.to_string())?;
    // A crash leaves no file.
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| error.to_string())?;
    shared.watch()?;
    let mut loaded = match Loaded::new(model.clone(), payload, root) {
        Ok(loaded) => loaded,
        Err(message) => return answer(&mut stream, &Reply::Failed { message }, &[]),
    };
    answer(&mut stream, &Reply::Loaded { model: 0 }, &[])?;
    while let Some((request, payload)) =
        protocol::read::<Request>(&mut stream).map_err(|error| error.to_string())?
    {
        let (reply, payload) = match request {
            Request::Run { calls, .. } => {
                loaded.run(calls, &payload).map(|outputs| (Reply::Outputs, outputs))
            }
            Request::Measure { settings, .. } => {
                loaded.measure(&settings, &payload).map(|(measured, times)| {
                    let times = times.iter().flat_map(|time| time.to_le_bytes()).collect();
                    (Reply::Measured(Box::new(measured)), times)
                })
            }
            _ => Err("no request of a network".into()),
        }
        .unwrap_or_else(|message| (Reply::Failed { message }, Vec::new()));
        answer(&mut stream, &reply, &payload)?;
    }
    Ok(())
}

fn answer(stream: &mut UnixStream, reply: &Reply, payload: &[u8]) -> Result<(), String> {
    protocol::write(stream, reply, &[payload]).map_err(|error| error.to_string())
}

/// Lets go of the pipes to the client.
fn detach() -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    Ok(())
}

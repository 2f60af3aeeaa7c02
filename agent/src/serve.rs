//! The agent: reads requests, and answers each.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::fd::{AsFd, BorrowedFd},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{
    conditions::Snapshot,
    counters::Counters,
    description::{self, Description},
    energy::Meter,
    measure,
    protocol::{self, FrameError, Model, Reply, Request, Sensors, VERSION},
    queue::Turn,
    sysfs::Root,
    worker::Worker,
};

/// Between two looks at the conditions, and at the client, in milliseconds.
const LOOK: u16 = 100;

/// The same where a sensor of power is sampled.
const SAMPLE: u16 = 20;

/// The client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left;

/// What answers requests.
pub struct Server<'a> {
    root: Root,
    /// The pipes to the client, whose end is the end of all work.
    client: Vec<BorrowedFd<'a>>,
    turn: Option<Turn>,
    workers: BTreeMap<u32, Worker>,
    loaded: u32,
}

/// Speaks the protocol until the client leaves.
///
/// # Errors
///
/// Where what the client sends is no frame.
pub fn serve(
    input: &mut (impl Read + AsFd),
    output: &mut (impl Write + AsFd),
) -> Result<(), FrameError> {
    let root = Root::default();
    let greeting = Reply::Greeting { version: VERSION, board: Description::here(&root) };
    protocol::write(output, &greeting, &[])?;
    // Duplicates, as the pipes are written to meanwhile.
    let client = [input.as_fd().try_clone_to_owned()?, output.as_fd().try_clone_to_owned()?];
    let mut server = Server::new(root, client.iter().map(AsFd::as_fd).collect());
    while let Some((request, payload)) = protocol::read(input)? {
        let mut tell = |reply: Reply| {
            // Where the client has left, the server notices.
            let _ = protocol::write(output, &reply, &[]);
        };
        match server.answer(request, &payload, &mut tell) {
            Ok((reply, payload)) => protocol::write(output, &reply, &[&payload])?,
            Err(Left) => return Ok(()),
        }
    }
    Ok(())
}

impl<'a> Server<'a> {
    /// A server of a board, for a client at the other end of these pipes.
    pub fn new(root: Root, client: Vec<BorrowedFd<'a>>) -> Self {
        Self { root, client, turn: None, workers: BTreeMap::new(), loaded: 0 }
    }

    /// The reply to a request, and its payload. `tell` gets what comes before it.
    ///
    /// # Errors
    ///
    /// Where the client leaves meanwhile.
    pub fn answer(
        &mut self,
        request: Request,
        payload: &[u8],
        tell: &mut dyn FnMut(Reply),
    ) -> Result<(Reply, Vec<u8>), Left> {
        match request {
            Request::Load { model } => {
                self.take_turn(tell)?;
                self.load(&model, payload).map(|reply| (reply, Vec::new()))
            }
            Request::Run { model, .. } => self.ask(model, &request, payload),
            Request::Measure { model, .. } => self.measure(model, &request, payload),
            Request::Unload { model } => Ok((self.unload(model), Vec::new())),
            Request::Conditions => Ok((self.conditions(), Vec::new())),
        }
    }

    fn take_turn(&mut self, tell: &mut dyn FnMut(Reply)) -> Result<(), Left> {
        if self.turn.is_some() {
            return Ok(());
        }
        let client = &self.client;
        let waiting = |holder: crate::queue::Holder| {
            tell(Reply::Waiting { pid: holder.pid, since: holder.since });
        };
        match Turn::take(waiting, || has_left(client)) {
            Ok(Some(turn)) => self.turn = Some(turn),
            Ok(None) => return Err(Left),
            // A kernel without abstract sockets has no queue.
            Err(error) => eprintln!("pfp-agent: clients are not queued: {error}"),
        }
        Ok(())
    }

    fn load(&mut self, model: &Model, payload: &[u8]) -> Result<Reply, Left> {
        let own: Vec<_> =
            self.client.iter().copied().chain(self.turn.as_ref().map(AsFd::as_fd)).collect();
        let mut worker = match Worker::start(model, payload, &self.root, &own) {
            Ok(worker) => worker,
            Err(message) => return Ok(Reply::Failed { message }),
        };
        self.wait(&worker, &mut |_| ())?;
        match worker.receive() {
            Ok((Reply::Loaded { .. }, _)) => {
                self.loaded += 1;
                self.workers.insert(self.loaded, worker);
                Ok(Reply::Loaded { model: self.loaded })
            }
            Ok((reply, _)) => Ok(reply),
            Err(_) => Ok(Reply::Crashed(worker.crash())),
        }
    }

    fn unload(&mut self, model: u32) -> Reply {
        match self.workers.remove(&model) {
            Some(_) => Reply::Unloaded,
            None => unknown(model),
        }
    }

    /// Lets the process of a network answer.
    fn ask(
        &mut self,
        model: u32,
        request: &Request,
        payload: &[u8],
    ) -> Result<(Reply, Vec<u8>), Left> {
        self.ask_and_look(model, request, payload, &mut |_| ())
    }

    fn ask_and_look(
        &mut self,
        model: u32,
        request: &Request,
        payload: &[u8],
        look: &mut dyn FnMut(u64),
    ) -> Result<(Reply, Vec<u8>), Left> {
        let Some(mut worker) = self.workers.remove(&model) else {
            return Ok((unknown(model), Vec::new()));
        };
        if worker.send(request, payload).is_ok() {
            self.wait(&worker, look)?;
            if let Ok(answer) = worker.receive() {
                self.workers.insert(model, worker);
                return Ok(answer);
            }
        }
        Ok((Reply::Crashed(worker.crash()), Vec::new()))
    }

    fn measure(
        &mut self,
        model: u32,
        request: &Request,
        payload: &[u8],
    ) -> Result<(Reply, Vec<u8>), Left> {
        let root = self.root.clone();
        let meter = Meter::open(&root);
        let cpus = description::allowed_cpus();
        let (mut power, mut snapshots) = (Vec::new(), Vec::new());
        let mut looked = 0;
        let answer = self.ask_and_look(model, request, payload, &mut |time| {
            if meter.is_sampled() {
                power.push(meter.sample(time));
            }
            if time - looked >= u64::from(LOOK) * 1_000_000 {
                snapshots.push((time, Snapshot::take(&root, &cpus)));
                looked = time;
            }
        })?;
        let (Reply::Measured(mut measured), times) = answer else { return Ok(answer) };
        let (begin, end) = measured.window;
        let meanwhile = snapshots.iter().filter(|(time, _)| (begin..=end).contains(time));
        meanwhile.for_each(|(_, snapshot)| measured.conditions.add(snapshot));
        measured.energy = meter.finish(measured.energy.readings, &power, measured.window);
        Ok((Reply::Measured(measured), times))
    }

    fn conditions(&self) -> Reply {
        let meter = Meter::open(&self.root);
        Reply::Conditions(Box::new(Sensors {
            now: Snapshot::take(&self.root, &description::allowed_cpus()),
            energy: meter.sensors(),
            no_counters: match Counters::open(&self.root) {
                Ok(counters) => counters.missing,
                Err(why) => Some(why),
            },
        }))
    }

    /// Waits for the process of a network, and for the client's end. `look` is told the time now and
    /// then.
    fn wait(&self, worker: &Worker, look: &mut dyn FnMut(u64)) -> Result<(), Left> {
        let interval = match Meter::open(&self.root).is_sampled() {
            true => SAMPLE,
            false => LOOK,
        };
        loop {
            let mut all = vec![PollFd::new(worker.stream(), PollFlags::POLLIN)];
            all.extend(ends(&self.client));
            // An interruption is no end.
            let _ = poll(&mut all, PollTimeout::from(interval));
            if all[1..].iter().any(has_ended) {
                return Err(Left);
            }
            if has_ended(&all[0]) {
                return Ok(());
            }
            look(measure::now());
        }
    }
}

/// Asks for the ends of pipes only.
fn ends<'a>(pipes: &[BorrowedFd<'a>]) -> impl Iterator<Item = PollFd<'a>> {
    let end = PollFlags::from_bits_retain(libc::POLLRDHUP);
    pipes.iter().map(move |pipe| PollFd::new(*pipe, end))
}

/// Has something happened that was asked for? An end of a socket has no name among the flags.
fn has_ended(pipe: &PollFd) -> bool {
    pipe.any().unwrap_or(true)
}

/// Has the client left?
fn has_left(client: &[BorrowedFd]) -> bool {
    let mut all: Vec<_> = ends(client).collect();
    poll(&mut all, PollTimeout::ZERO).is_ok_and(|ended| ended > 0)
}

fn unknown(model: u32) -> Reply {
    Reply::Failed { message: format!("no network {model} is loaded") }
}

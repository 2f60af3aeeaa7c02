//! One client measures at a time.
//!
//! The turn is a name among the abstract sockets of the board: it is no file and no port, whoever binds
//! it has the turn, and it is free when that process ends, however it does. Those who wait are connected
//! to it, and hear of the end at once.

use std::{
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{getsockopt, sockopt::PeerCredentials},
};

/// The name of the turn.
const NAME: &[u8] = b"pfp-agent";

/// How long to wait before another try, where the end of the other is not heard of.
const RETRY: Duration = Duration::from_millis(50);

/// The turn; it ends with this value.
#[derive(Debug)]
pub struct Turn {
    name: UnixListener,
}

impl AsFd for Turn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.name.as_fd()
    }
}

/// Who has the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: Option<i32>,
    /// For how many seconds that has been running.
    pub since: Option<u64>,
}

impl Turn {
    /// Waits for the turn. `waiting` is told who has it, once for each that has, and `is_over` tells
    /// whether nobody waits any more; then there is none.
    ///
    /// # Errors
    ///
    /// Where the system has no such names.
    pub fn take(
        mut waiting: impl FnMut(Holder),
        is_over: impl FnMut() -> bool,
    ) -> io::Result<Option<Self>> {
        Self::take_named(NAME, &mut waiting, is_over)
    }

    fn take_named(
        name: &[u8],
        waiting: &mut impl FnMut(Holder),
        mut is_over: impl FnMut() -> bool,
    ) -> io::Result<Option<Self>> {
        let address = SocketAddr::from_abstract_name(name)?;
        let mut told = None;
        loop {
            match UnixListener::bind_addr(&address) {
                Ok(name) => return Ok(Some(Self { name })),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => (),
                Err(error) => return Err(error),
            }
            let other = UnixStream::connect_addr(&address).ok();
            if let Some(other) = &other {
                let holder = Holder::of(other);
                if told != holder.pid {
                    told = holder.pid;
                    waiting(holder);
                }
            }
            loop {
                if is_over() {
                    return Ok(None);
                }
                let Some(other) = &other else {
                    std::thread::sleep(RETRY);
                    break;
                };
                let mut ends = [PollFd::new(other.as_fd(), PollFlags::POLLIN)];
                let timeout = PollTimeout::try_from(RETRY).unwrap_or(PollTimeout::ZERO);
                if poll(&mut ends, timeout).is_ok_and(|ended| ended > 0) {
                    break;
                }
            }
        }
    }
}

impl Holder {
    fn of(stream: &UnixStream) -> Self {
        let pid = getsockopt(stream, PeerCredentials).ok().map(|peer| peer.pid());
        Self { pid, since: pid.and_then(running_for) }
    }
}

/// For how many seconds a process has been running.
fn running_for(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, which may hold anything, is in parentheses before.
    let (_, fields) = stat.rsplit_once(')')?;
    let started: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // The kernel tells times of processes in hundredths of a second.
    Some((uptime - started as f64 / 100.0).max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn the_second_waits_until_the_first_is_done_and_knows_who_that_is() {
        let name = format!("pfp-agent-test-{}", std::process::id()).into_bytes();
        let first = Turn::take_named(&name, &mut |_| panic!("nobody has it"), || false).unwrap();
        let (told, hears) = mpsc::channel();
        let name = &name;
        thread::scope(|scope| {
            let second = scope.spawn(move || {
                Turn::take_named(name, &mut |holder| told.send(holder).unwrap(), || false).unwrap()
            });
            let holder = hears.recv().unwrap();
            assert_eq!(holder.pid, Some(std::process::id() as i32));
            assert!(holder.since.is_some_and(|seconds| seconds < 3600), "{holder:?}");
            assert!(!second.is_finished());
            drop(first);
            assert!(second.join().unwrap().is_some());
        });
    }

    #[test]
    fn a_client_that_left_waits_no_longer() {
        let name = format!("pfp-agent-left-{}", std::process::id()).into_bytes();
        let first = Turn::take_named(&name, &mut |_| (), || false).unwrap();
        assert!(Turn::take_named(&name, &mut |_| (), || true).unwrap().is_none());
        drop(first);
    }
}

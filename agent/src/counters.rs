//! Hardware counters of the calling thread: cycles, instructions, cache misses.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, FromRawFd, RawFd},
};

use serde::{Deserialize, Serialize};

use crate::sysfs::Root;

/// The events of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct KernelCounts {
    /// Cycles of the core.
    pub cycles: Option<u64>,
    /// Instructions that retired.
    pub instructions: Option<u64>,
    /// Misses of the last-level cache.
    pub cache_misses: Option<u64>,
}

/// The events, by their numbers in `perf_event_open(2)`.
const EVENTS: [(&str, u64); 3] = [("cycles", 0), ("instructions", 1), ("cache misses", 3)];

/// `struct perf_event_attr` in its first version.
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint: u64,
}

const PERF_TYPE_HARDWARE: u32 = 0;
const PERF_FORMAT_GROUP: u64 = 1 << 3;
/// Neither the kernel's events nor those of a hypervisor.
const USER_ONLY: u64 = 1 << 5 | 1 << 6;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;

/// Counters that run.
#[derive(Debug)]
pub struct Counters {
    /// The first leads the group, the others must stay open.
    files: Vec<File>,
    /// Which of [`EVENTS`] each of them is.
    events: Vec<usize>,
    /// Which events the processor does not count.
    pub missing: Option<String>,
}

impl Counters {
    /// Starts the counters of the calling thread.
    ///
    /// # Errors
    ///
    /// Where the kernel or the processor has none for this user; says why.
    pub fn open(root: &Root) -> Result<Self, String> {
        let mut counters = Self { files: Vec::new(), events: Vec::new(), missing: None };
        let mut refused = Vec::new();
        for (number, (name, config)) in EVENTS.iter().enumerate() {
            let leader = counters.files.first().map_or(-1, AsRawFd::as_raw_fd);
            match open(*config, leader) {
                Ok(file) => {
                    counters.files.push(file);
                    counters.events.push(number);
                }
                Err(error) => refused.push((*name, error)),
            }
        }
        match (counters.files.is_empty(), refused.first()) {
            (true, Some((_, error))) => Err(reason(error, root)),
            (_, None) => Ok(counters),
            (false, Some(_)) => {
                let names: Vec<_> = refused.iter().map(|(name, _)| *name).collect();
                counters.missing =
                    Some(format!("the processor does not count {}", names.join(", ")));
                Ok(counters)
            }
        }
    }

    /// The counts since the start.
    ///
    /// # Errors
    ///
    /// Where they cannot be read, which is no fault of the caller.
    pub fn read(&self) -> io::Result<[Option<u64>; EVENTS.len()]> {
        let mut bytes = [0; 8 * (1 + EVENTS.len())];
        let length = (&self.files[0]).read(&mut bytes)?;
        Ok(counts(&bytes[..length], &self.events))
    }
}

/// The counts in what is read of a group: how many, then each.
fn counts(bytes: &[u8], events: &[usize]) -> [Option<u64>; EVENTS.len()] {
    let numbers = bytes.as_chunks().0.iter().skip(1).map(|number| u64::from_ne_bytes(*number));
    let mut all = [None; EVENTS.len()];
    for (&event, count) in events.iter().zip(numbers) {
        all[event] = Some(count);
    }
    all
}

/// The events between two readings.
pub fn between(begin: [Option<u64>; 3], end: [Option<u64>; 3]) -> KernelCounts {
    let difference = |event: usize| Some(end[event]?.saturating_sub(begin[event]?));
    KernelCounts { cycles: difference(0), instructions: difference(1), cache_misses: difference(2) }
}

fn open(config: u64, leader: RawFd) -> io::Result<File> {
    let attributes = Attributes {
        kind: PERF_TYPE_HARDWARE,
        size: size_of::<Attributes>() as u32,
        config,
        sample_period: 0,
        sample_type: 0,
        read_format: PERF_FORMAT_GROUP,
        flags: USER_ONLY,
        wakeup_events: 0,
        breakpoint_type: 0,
        breakpoint: 0,
    };
    let (this_thread, any_cpu): (libc::pid_t, libc::c_int) = (0, -1);
    // SAFETY: attributes of the size that they say, which the kernel reads only.
    let file = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            this_thread,
            any_cpu,
            leader,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    match RawFd::try_from(file) {
        // SAFETY: the kernel has just opened it for this process.
        Ok(file) if file >= 0 => Ok(unsafe { File::from_raw_fd(file) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Why the kernel opens no counter.
fn reason(error: &io::Error, root: &Root) -> String {
    let level = root.text("proc/sys/kernel/perf_event_paranoid");
    match (error.raw_os_error(), level) {
        (Some(libc::EACCES | libc::EPERM), Some(level)) => format!(
            "the kernel refuses perf_event_open ({error}) with kernel.perf_event_paranoid = {level}; \
             on the board: sysctl kernel.perf_event_paranoid=2"
        ),
        (Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV), _) => {
            "the processor has no hardware counters here, as in most virtual machines".into()
        }
        (Some(libc::ENOSYS), _) => "the kernel has no perf_event_open".into(),
        _ => format!("perf_event_open failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_a_group_follow_their_number() {
        let bytes: Vec<u8> = [2u64, 100, 7].iter().flat_map(|n| n.to_ne_bytes()).collect();
        assert_eq!(counts(&bytes, &[0, 2]), [Some(100), None, Some(7)]);
        assert_eq!(counts(&[], &[0, 2]), [None; 3]);
        let counts = between([Some(1), None, Some(9)], [Some(5), None, Some(9)]);
        let expected = KernelCounts { cycles: Some(4), instructions: None, cache_misses: Some(0) };
        assert_eq!(counts, expected);
    }

    #[test]
    fn what_refuses_counters_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("proc/sys/kernel");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("perf_event_paranoid"), "3\n").unwrap();
        let root = Root::at(dir.path());
        let said = |code| reason(&io::Error::from_raw_os_error(code), &root);
        assert!(said(libc::EACCES).contains("kernel.perf_event_paranoid = 3"));
        assert!(said(libc::ENOENT).contains("no hardware counters"));
        assert!(said(libc::ENOSYS).contains("no perf_event_open"));
    }

    #[test]
    fn counters_count_or_say_why_they_do_not() {
        match Counters::open(&Root::default()) {
            Ok(counters) => {
                let begin = counters.read().unwrap();
                std::hint::black_box((0..10_000).map(std::hint::black_box).sum::<u64>());
                let end = counters.read().unwrap();
                let counted = (0..EVENTS.len()).filter(|&event| end[event] > begin[event]);
                assert!(counted.count() >= 1, "{begin:?} {end:?}");
            }
            Err(why) => assert!(!why.is_empty()),
        }
    }
}

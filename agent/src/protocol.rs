//! What `pfp` and the agent say to each other.
//!
//! Both directions are frames: a mark, the length of a header (u32) and of a payload (u64), both
//! little-endian, the header as JSON, the payload as bytes. The agent begins with a greeting; then each
//! request has one reply, and any number of [`Reply::Waiting`] before it.

use std::io::{self, ErrorKind, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    conditions::{Conditions, Snapshot},
    counters::KernelCounts,
    description::Description,
    energy::Energy,
};

/// What both sides must have in common.
pub const VERSION: u32 = 1;

/// What a frame begins with.
pub const MARK: [u8; 8] = *b"pfpagent";

/// The most bytes of a header.
const HEADER_LIMIT: u32 = 4 << 20;

/// The most bytes of a payload.
pub const PAYLOAD_LIMIT: u64 = 4 << 30;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Load a network; the payload is its objects, one after the other.
    Load {
        /// The network.
        model: Model,
    },
    /// Call a network once for each of several inputs; the payload has, for each call, its input
    /// buffers one after the other.
    Run {
        /// Which network.
        model: u32,
        /// How many calls.
        calls: u32,
    },
    /// Time calls of a network; the payload has the input buffers of a call.
    Measure {
        /// Which network.
        model: u32,
        /// How.
        settings: Settings,
    },
    /// Drop a network.
    Unload {
        /// Which network.
        model: u32,
    },
    /// Tell clocks, temperatures, throttling, and the sensors of energy.
    Conditions,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The first frame.
    Greeting {
        /// [`VERSION`] of the agent.
        version: u32,
        /// What the board is.
        board: Description,
    },
    /// Another client has the board.
    Waiting {
        /// The process of its agent, where it is known.
        pid: Option<i32>,
        /// For how many seconds that has been running.
        since: Option<u64>,
    },
    /// A network is loaded.
    Loaded {
        /// Its number.
        model: u32,
    },
    /// The payload has, for each call, its output buffers one after the other.
    Outputs,
    /// The payload has the nanoseconds of each sample (u64, little-endian).
    Measured(Box<Measured>),
    /// A network is dropped.
    Unloaded,
    /// What the board tells.
    Conditions(Box<Sensors>),
    /// A request was refused.
    Failed {
        /// Why.
        message: String,
    },
    /// The process of a network has ended, and the network is gone.
    Crashed(Crash),
}

/// A compiled function, and how it is called.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The function `int SYMBOL(void **pointers)` of an object: inputs, outputs, arena, executor.
    pub symbol: String,
    /// The architecture, as `std::env::consts::ARCH` has it.
    pub machine: String,
    /// The features that its code needs, as /proc/cpuinfo names them.
    pub features: Vec<String>,
    /// Bytes of each object.
    pub objects: Vec<u64>,
    /// Elements (f32) of each input buffer.
    pub inputs: Vec<u64>,
    /// Elements (f32) of each output buffer.
    pub outputs: Vec<u64>,
    /// Bytes of the arena.
    pub arena: u64,
    /// Does it take an executor?
    pub has_tasks: bool,
    /// Threads of the executor.
    pub threads: u32,
    /// The CPUs that it runs on; empty: the last ones that the agent may use.
    pub cpus: Vec<usize>,
    /// How many kernels call `pfp.profile_mark` at their end; 0 where none does.
    pub kernels: u32,
}

/// How calls are timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Nanoseconds of calls that are not timed; the first call never is.
    pub warm_up: u64,
    /// Samples are taken for so many nanoseconds,
    pub duration: u64,
    /// and at least so many of them.
    pub least_samples: u32,
    /// Calls of a sample; 0 chooses as many as take [`Settings::least_sample`].
    pub calls: u32,
    /// The least nanoseconds of a sample, where the number of its calls is chosen.
    pub least_sample: u64,
    /// Time each kernel, and count its events. Both are apart from the samples.
    pub profile: bool,
}

impl Default for Settings {
    /// As `pfp bench` times calls: each on its own, for a tenth of a second.
    fn default() -> Self {
        Self {
            warm_up: 10_000_000,
            duration: 100_000_000,
            least_samples: 3,
            calls: 1,
            least_sample: 0,
            profile: false,
        }
    }
}

/// What came of timing, beside the times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Calls of each sample.
    pub calls: u32,
    /// From the first timed call to the end of the last: nanoseconds of CLOCK_MONOTONIC.
    pub window: (u64, u64),
    /// The CPUs that the calls ran on.
    pub cpus: Vec<usize>,
    /// Joules of the window.
    pub energy: Energy,
    /// What the board told before, meanwhile and after.
    pub conditions: Conditions,
    /// The kernels, where they were wanted.
    pub profile: Option<Profile>,
}

/// Where the time of a call goes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// The median nanoseconds of each kernel.
    pub nanoseconds: Vec<f64>,
    /// The median events of each kernel; empty where they are not counted.
    pub counts: Vec<KernelCounts>,
    /// Why some or all events are not counted.
    pub missing: Option<String>,
}

/// What a board tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensors {
    /// Clocks, temperatures and throttling.
    pub now: Snapshot,
    /// The sensors of energy and power.
    pub energy: Vec<String>,
    /// Why hardware counters cannot be had; `None` where they can.
    pub no_counters: Option<String>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crash {
    /// The signal, by name, or the exit status.
    pub ended_by: String,
    /// Where in the text of the objects, in bytes from its start.
    pub offset: Option<u64>,
    /// The kernel that was running, where kernels are marked.
    pub kernel: Option<u32>,
}

/// Why a frame was not read.
#[derive(Debug)]
pub enum FrameError {
    /// The pipe broke, or ended within a frame.
    Pipe(io::Error),
    /// What came is no frame.
    Malformed(String),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pipe(error) => write!(f, "{error}"),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for FrameError {}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}

/// Writes a frame, its payload in parts.
///
/// # Errors
///
/// Where the pipe is broken, or the frame is larger than one may be.
pub fn write(to: &mut impl Write, header: &impl Serialize, payload: &[&[u8]]) -> io::Result<()> {
    let header = serde_json::to_vec(header)?;
    let bytes: u64 = payload.iter().map(|part| part.len() as u64).sum();
    let length = u32::try_from(header.len()).ok().filter(|&length| length <= HEADER_LIMIT);
    let (Some(length), true) = (length, bytes <= PAYLOAD_LIMIT) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a frame larger than 4 GiB"));
    };
    to.write_all(&[&MARK[..], &length.to_le_bytes(), &bytes.to_le_bytes(), &header].concat())?;
    payload.iter().try_for_each(|part| to.write_all(part))?;
    to.flush()
}

/// Reads a frame; `None` at the end of the pipe.
///
/// # Errors
///
/// Where the pipe is broken or ends within a frame, or what comes is no frame.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<(T, Vec<u8>)>, FrameError> {
    let mut mark = [0; 8];
    match from.read(&mut mark[..1])? {
        0 => return Ok(None),
        _ => from.read_exact(&mut mark[1..])?,
    }
    if mark != MARK {
        return Err(FrameError::Malformed("what came is no frame of the protocol".into()));
    }
    read_after_mark(from).map(Some)
}

/// Reads the rest of a frame.
///
/// # Errors
///
/// As [`read`].
pub fn read_after_mark<T: DeserializeOwned>(
    from: &mut impl Read,
) -> Result<(T, Vec<u8>), FrameError> {
    let (mut length, mut bytes) = ([0; 4], [0; 8]);
    from.read_exact(&mut length)?;
    from.read_exact(&mut bytes)?;
    let (length, bytes) = (u32::from_le_bytes(length), u64::from_le_bytes(bytes));
    if length > HEADER_LIMIT || bytes > PAYLOAD_LIMIT {
        return Err(FrameError::Malformed("a frame is larger than one may be".into()));
    }
    let header = read_bytes(from, length.into())?;
    let payload = read_bytes(from, bytes)?;
    let header = serde_json::from_slice(&header)
        .map_err(|error| FrameError::Malformed(format!("a frame is not understood: {error}")))?;
    Ok((header, payload))
}

/// So many bytes; memory is taken as they come.
fn read_bytes(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(length).read_to_end(&mut bytes)?;
    match read as u64 == length {
        true => Ok(bytes),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Numbers as the bytes of a payload.
pub fn floats_to_bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|float| float.to_le_bytes()).collect()
}

/// The bytes of a payload as numbers.
pub fn floats_of_bytes(bytes: &[u8]) -> Vec<f32> {
    let float = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    bytes.as_chunks().0.iter().map(float).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut pipe = Vec::new();
        let request = Request::Run { model: 3, calls: 2 };
        write(&mut pipe, &request, &[b"ab", b"c"]).unwrap();
        write(&mut pipe, &Request::Conditions, &[]).unwrap();
        let mut pipe = &pipe[..];
        assert_eq!(read::<Request>(&mut pipe).unwrap(), Some((request, b"abc".to_vec())));
        assert_eq!(read::<Request>(&mut pipe).unwrap(), Some((Request::Conditions, vec![])));
        assert_eq!(read::<Request>(&mut pipe).unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_refused_and_takes_no_memory() {
        let huge = [&MARK[..], &2u32.to_le_bytes(), &PAYLOAD_LIMIT.to_le_bytes(), b"{}"].concat();
        assert!(matches!(read::<Request>(&mut &huge[..]), Err(FrameError::Pipe(_))));
        let larger = [&MARK[..], &u32::MAX.to_le_bytes(), &[0; 8]].concat();
        assert!(matches!(read::<Request>(&mut &larger[..]), Err(FrameError::Malformed(_))));
        assert!(matches!(
            read::<Request>(&mut &b"Welcome to the board"[..]),
            Err(FrameError::Malformed(_))
        ));
        let mut other = Vec::new();
        write(&mut other, &"unknown", &[]).unwrap();
        assert!(matches!(read::<Request>(&mut &other[..]), Err(FrameError::Malformed(_))));
    }
}

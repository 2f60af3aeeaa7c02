//! The agent of a board.

use std::{
    env,
    fs::File,
    io::{self, BufReader, ErrorKind, Read, Write},
    process::ExitCode,
};

use pfp_agent::{
    description::Description,
    measure::median,
    protocol::{self, Reply, Request, VERSION},
    serve::{Server, serve},
    sysfs::Root,
};
use sha2::{Digest, Sha256};

const USAGE: &str = "usage: pfp-agent COMMAND

  serve          speak the protocol on standard input and output, as `pfp --on` wants
  measure FILE   run what `pfp bench --on BOARD --save-bundle FILE` wrote
  describe       print what this board is, as JSON
  digest FILE    print the SHA-256 of a file
  version        print the version, and that of the protocol";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["serve"] => serve(&mut io::stdin(), &mut io::stdout()).map_err(|error| error.to_string()),
        ["measure", file] => measure(file),
        ["describe"] => describe(),
        ["digest", file] => digest(file),
        ["version"] => {
            print(&format!("pfp-agent {}, protocol {VERSION}", env!("CARGO_PKG_VERSION")))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pfp-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(answer: &str) -> Result<(), String> {
    match writeln!(io::stdout().lock(), "{answer}") {
        // Whoever read the output has enough of it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| error.to_string()),
    }
}

fn describe() -> Result<(), String> {
    let here = Description::here(&Root::default());
    print(&serde_json::to_string_pretty(&here).map_err(|error| error.to_string())?)
}

fn digest(file: &str) -> Result<(), String> {
    let unreadable = |error| format!("cannot read {file}: {error}");
    let mut file = File::open(file).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut bytes = [0; 1 << 14];
    loop {
        match file.read(&mut bytes).map_err(unreadable)? {
            0 => break,
            read => hash.update(&bytes[..read]),
        }
    }
    print(&hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Answers the requests of a file, and prints the times.
fn measure(path: &str) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let mut file = BufReader::new(file);
    let mut server = Server::new(Root::default(), Vec::new());
    let mut tell = |reply| {
        if let Reply::Waiting { pid: Some(pid), .. } = reply {
            eprintln!("pfp-agent: waiting for the process {pid}");
        }
    };
    while let Some((request, payload)) =
        protocol::read::<Request>(&mut file).map_err(|error| format!("{path}: {error}"))?
    {
        let answer = server.answer(request, &payload, &mut tell);
        match answer.map_err(|_| "nobody can leave".to_owned())? {
            (Reply::Measured(measured), times) => {
                let times: Vec<_> =
                    times.as_chunks().0.iter().map(|time| u64::from_le_bytes(*time)).collect();
                let each = |time: u64| time as f64 / f64::from(measured.calls);
                let least = times.iter().copied().min().unwrap_or(0);
                let text = serde_json::json!({
                    "calls": times.len() as u64 * u64::from(measured.calls),
                    "min_ns": each(least),
                    "median_ns": each(median(times)),
                    "measured": measured,
                });
                print(&format!("{text:#}"))?;
            }
            (Reply::Failed { message }, _) => return Err(message),
            (Reply::Crashed(crash), _) => {
                return Err(format!("the object crashed with {}", crash.ended_by));
            }
            _ => (),
        }
    }
    Ok(())
}

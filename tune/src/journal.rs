//! What was measured, line by line, so that a search that was ended at any time goes on.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use pfp_compiler::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ratio::Ratio;

/// What a journal is about. One of something else is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The version of the compiler.
    pub compiler: String,
    /// The core.
    pub core: String,
    /// The processor.
    pub cpu: String,
    /// The digest of the network.
    pub network: String,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The first line.
    Subject(Subject),
    /// The time of a call with other numbers of the core, over that with its own.
    Numbers {
        /// The changes.
        changes: Map<String, Value>,
        /// The time over that without them.
        ratio: Ratio,
    },
    /// The numbers that the kernels are searched with.
    Chosen {
        /// The changes.
        changes: Map<String, Value>,
    },
    /// The time of a kernel with a schedule, over that with the model's choice.
    Kernel {
        /// The digest of its shape.
        shape: String,
        /// The schedule, by its key; `None` for a schedule that cannot be compiled or run.
        schedule: String,
        /// The time over that of the model's choice.
        ratio: Option<Ratio>,
        /// Microseconds of the model's choice.
        of_model: f64,
    },
}

/// A journal that is written to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Subject {
    /// The journal of a search whose results go to this file: each core and network has its own.
    pub fn journal_beside(&self, output: &Path) -> PathBuf {
        let mut name = output.to_owned().into_os_string();
        let network: String = self.network.chars().take(8).collect();
        name.push(format!(".{}-{network}.journal", self.core));
        name.into()
    }
}

/// How every journal begins.
const BEGINNING: &[u8] = b"{\"subject\":";

impl Journal {
    /// Opens a journal, or begins one; what it holds already.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or written, is about something else, or belongs to a search that runs. The last line may be torn, as where
    /// the machine was switched off; it is left out.
    pub fn open(path: &Path, subject: &Subject) -> Result<(Self, Vec<Entry>), Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| Error::write(path, error))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                Error::request(format!("another search writes {} at this time", path.display()))
                    .with_help("wait for its end, or choose another file with --output")
            }
            TryLockError::Error(error) => Error::write(path, error),
        })?;
        let mut entries = Vec::new();
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(|e| Error::read(path, e))?;
            if number == 0 && !line.starts_with(&BEGINNING[..read.min(BEGINNING.len())]) {
                return Err(Error::request(format!(
                    "{} is no journal of pfp tune",
                    path.display()
                ))
                .with_help("move it elsewhere, or choose another file with --output"));
            }
            if read == 0 || !line.ends_with(b"\n") {
                break;
            }
            number += 1;
            let entry = serde_json::from_slice(&line).map_err(|error| {
                let message =
                    format!("line {number} of {} cannot be read: {error}", path.display());
                Error::request(message).with_help("remove the journal to measure again")
            })?;
            entries.push(entry);
            whole += read as u64;
        }
        file.set_len(whole)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(|error| Error::write(path, error))?;
        let mut journal = Self { path: path.to_owned(), file };
        match entries.first() {
            None => journal.add(&Entry::Subject(subject.clone()))?,
            Some(Entry::Subject(found)) if found == subject => {
                entries.remove(0);
            }
            Some(found) => {
                let other = match found {
                    Entry::Subject(found) => differences(found, subject).join(", "),
                    _ => "it does not say what it is about".into(),
                };
                return Err(Error::request(format!(
                    "{} is the journal of another search: {other}",
                    path.display()
                ))
                .with_help("remove the journal to measure again; the database stays"));
            }
        }
        Ok((journal, entries))
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let mut line = serde_json::to_vec(entry)
            .map_err(|error| Error::Internal(format!("a line without a JSON form: {error}")))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| Error::write(&self.path, error))
    }
}

fn differences(found: &Subject, wanted: &Subject) -> Vec<String> {
    let parts = [
        ("compiler", &found.compiler, &wanted.compiler),
        ("core", &found.core, &wanted.core),
        ("processor", &found.cpu, &wanted.cpu),
        ("network", &found.network, &wanted.network),
    ];
    let differing = parts.into_iter().filter(|(_, found, wanted)| found != wanted);
    differing.map(|(what, found, wanted)| format!("{what} {found} instead of {wanted}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(network: &str) -> Subject {
        Subject {
            compiler: "0".into(),
            core: "generic".into(),
            cpu: "A".into(),
            network: network.into(),
        }
    }

    fn entry(number: u32) -> Entry {
        Entry::Kernel {
            shape: "s".into(),
            schedule: number.to_string(),
            ratio: Some(Ratio { median: 0.5, noise: 0.01 }),
            of_model: 3.5,
        }
    }

    #[test]
    fn a_torn_line_is_left_out_and_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, entries) = Journal::open(&path, &subject("a")).unwrap();
        assert!(entries.is_empty());
        journal.add(&entry(1)).unwrap();
        drop(journal);
        let mut text = std::fs::read(&path).unwrap();
        text.extend(b"{\"kernel\": {\"sha");
        std::fs::write(&path, text).unwrap();
        let (mut journal, entries) = Journal::open(&path, &subject("a")).unwrap();
        assert_eq!(entries, [entry(1)]);
        journal.add(&entry(2)).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path, &subject("a")).unwrap().1, [entry(1), entry(2)]);
    }

    #[test]
    fn two_searches_do_not_share_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (_first, _) = Journal::open(&path, &subject("a")).unwrap();
        let error = Journal::open(&path, &subject("a")).unwrap_err().to_string();
        assert!(error.starts_with("another search writes "), "{error}");
    }

    #[test]
    fn a_journal_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(Journal::open(&path, &subject("a")).unwrap());
        let error = Journal::open(&path, &subject("b")).unwrap_err().to_string();
        assert!(error.ends_with("is the journal of another search: network a instead of b"));
        for notes in ["{}\n", "notes without an end"] {
            std::fs::write(&path, notes).unwrap();
            let error = Journal::open(&path, &subject("a")).unwrap_err().to_string();
            assert!(error.ends_with("is no journal of pfp tune"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
        }
    }
}

//! Files that a command writes: opened before the work, replaced together after it.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, RenameFlags, renameat2},
    unistd::{AccessFlags, access},
};
use tempfile::NamedTempFile;

use crate::{
    error::Error,
    interrupt::{self, Guard},
};

/// So many symbolic links in a row are followed.
const LINKS: usize = 40;

/// The files of a command. They are opened before the work, so that an impossible path costs
/// nothing, and all of them are replaced after it, or none.
#[derive(Debug, Default)]
pub struct Outputs {
    inputs: Vec<(u64, u64)>,
    // Files go before the folders that were made for them.
    files: Vec<Output>,
    folders: Vec<Folder>,
}

#[derive(Debug)]
struct Output {
    path: PathBuf,
    sink: Sink,
}

/// Where the bytes go.
#[derive(Debug)]
enum Sink {
    /// A file beside its place, which it takes in the end.
    File { place: PathBuf, temporary: NamedTempFile, _guard: Guard },
    /// A pipe, a device, or what this process has open.
    Stream(File),
}

/// A directory that was made for outputs; it is removed where they do not come.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    _guard: Guard,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Fails where something is in it, as it should.
        let _ = fs::remove_dir(&self.path);
    }
}

impl Outputs {
    /// No files yet. None may be one of these inputs, which need not exist.
    pub fn beside<P: AsRef<Path>>(inputs: impl IntoIterator<Item = P>) -> Self {
        let identity = |input: P| fs::metadata(input).ok().map(|file| (file.dev(), file.ino()));
        Self { inputs: inputs.into_iter().filter_map(identity).collect(), ..Self::default() }
    }

    /// Opens a file. Its directory is made where it does not exist; a symbolic link is followed.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written, is an input, or is opened twice.
    pub fn open(&mut self, path: &Path, executable: bool) -> Result<(), Error> {
        let failed = |error| Error::write(path, error);
        let place = match follow(path).map_err(failed)? {
            Followed::Descriptor(file) => return self.push(path, Sink::Stream(file)),
            Followed::Place(place) => place,
        };
        let existing = match fs::metadata(&place) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let permissions = match &existing {
            Some(file) if file.is_dir() => return Err(failed(Errno::EISDIR.into())),
            Some(file) if self.inputs.contains(&(file.dev(), file.ino())) => {
                return Err(Error::request(format!(
                    "{} is one of the inputs and would be overwritten",
                    path.display()
                ))
                .with_help("write to another file"));
            }
            Some(file) if !file.is_file() => {
                let stream = OpenOptions::new().write(true).open(&place).map_err(failed)?;
                return self.push(path, Sink::Stream(stream));
            }
            Some(file) => {
                access(&place, AccessFlags::W_OK).map_err(|error| failed(error.into()))?;
                Some(file.permissions())
            }
            None => None,
        };
        let directory = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        self.make(directory)?;
        let place = fs::canonicalize(directory)
            .map(|directory| directory.join(place.file_name().unwrap_or_default()))
            .map_err(failed)?;
        if self.files.iter().any(|file| file.sink.place() == Some(&place)) {
            return Err(Error::request(format!("two outputs would go to {}", place.display()))
                .with_help("give them names of their own"));
        }
        let mode = if executable { 0o777 } else { 0o666 };
        let make = || {
            let mut builder = tempfile::Builder::new();
            builder.permissions(Permissions::from_mode(mode)).tempfile_in(directory)
        };
        let (temporary, guard) = Guard::file(make, NamedTempFile::path).map_err(failed)?;
        if let Some(permissions) = permissions {
            temporary.as_file().set_permissions(permissions).map_err(failed)?;
        }
        self.push(path, Sink::File { place, temporary, _guard: guard })
    }

    fn push(&mut self, path: &Path, sink: Sink) -> Result<(), Error> {
        self.files.push(Output { path: path.to_owned(), sink });
        Ok(())
    }

    /// Makes a directory and what it lies in.
    fn make(&mut self, directory: &Path) -> Result<(), Error> {
        let missing: Vec<_> = directory
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        for path in missing.into_iter().rev() {
            let guard = Guard::folder(path).map_err(|error| Error::write(directory, error))?;
            // The innermost goes first.
            self.folders.insert(0, Folder { path: path.to_owned(), _guard: guard });
        }
        Ok(())
    }

    /// Writes the files, in the order in which they were opened, and returns their paths.
    ///
    /// # Errors
    ///
    /// Where one cannot be written: then every file is what it was.
    pub fn write(self, contents: Vec<Vec<u8>>) -> Result<Vec<PathBuf>, Error> {
        debug_assert_eq!(self.files.len(), contents.len(), "contents for each file");
        let Self { mut files, folders, .. } = self;
        for (Output { path, sink }, contents) in files.iter_mut().zip(&contents) {
            let written = match sink {
                Sink::File { temporary, .. } => temporary.write_all(contents),
                Sink::Stream(stream) => stream.write_all(contents),
            };
            written.map_err(|error| Error::write(path, error))?;
        }
        let paths = files.iter().map(|file| file.path.clone()).collect();
        let mut guards = Vec::new();
        let mut waiting = Vec::new();
        for Output { path, sink } in files {
            if let Sink::File { place, temporary, _guard: guard } = sink {
                waiting.push((path, place, temporary));
                guards.push(guard);
            }
        }
        // A signal finds all files replaced, or none.
        interrupt::undivided(|| replace(waiting))?;
        drop((guards, folders));
        Ok(paths)
    }
}

/// Moves files to their places. Where one cannot be, all others go back.
fn replace(files: Vec<(PathBuf, PathBuf, NamedTempFile)>) -> Result<(), Error> {
    let mut done = Vec::new();
    for (path, place, temporary) in files {
        match Placed::new(temporary, place) {
            Ok(placed) => done.push(placed),
            Err(error) => {
                done.into_iter().rev().for_each(Placed::undo);
                return Err(Error::write(&path, error));
            }
        }
    }
    Ok(())
}

impl Sink {
    /// The file that is replaced.
    fn place(&self) -> Option<&PathBuf> {
        match self {
            Self::File { place, .. } => Some(place),
            Self::Stream(_) => None,
        }
    }
}

/// A file that took its place.
enum Placed {
    /// Nothing was there.
    New(PathBuf),
    /// What was there has the temporary name.
    Exchanged(tempfile::TempPath, PathBuf),
    /// What was there is gone: the file system cannot exchange two files.
    Replaced,
}

impl Placed {
    fn new(file: NamedTempFile, place: PathBuf) -> io::Result<Self> {
        let temporary = file.into_temp_path();
        if !fs::exists(&place)? {
            temporary.persist(&place)?;
            return Ok(Self::New(place));
        }
        if fs::metadata(&place)?.is_dir() {
            return Err(Errno::EISDIR.into());
        }
        match exchange(&temporary, &place) {
            Ok(()) => Ok(Self::Exchanged(temporary, place)),
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                temporary.persist(&place)?;
                Ok(Self::Replaced)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn undo(self) {
        // The error that is reported is the one that led here.
        let _ = match self {
            Self::New(place) => fs::remove_file(place),
            Self::Exchanged(temporary, place) => {
                exchange(&temporary, &place).map_err(io::Error::from)
            }
            Self::Replaced => Ok(()),
        };
    }
}

fn exchange(one: &Path, other: &Path) -> nix::Result<()> {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)
}

/// What a path leads to.
enum Followed {
    Place(PathBuf),
    /// `/dev/stdout` and its like.
    Descriptor(File),
}

/// Follows symbolic links, also to what does not exist.
fn follow(path: &Path) -> io::Result<Followed> {
    let mut place = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&place) {
            Ok(file) if file.file_type().is_symlink() => {}
            Ok(_) => return Ok(Followed::Place(place)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Followed::Place(place));
            }
            Err(error) => return Err(error),
        }
        let directory = place.parent().unwrap_or(Path::new("")).to_owned();
        let own = format!("/proc/{}/fd", std::process::id());
        if fs::canonicalize(&directory).is_ok_and(|directory| directory == Path::new(&own)) {
            return descriptor(&place).map(Followed::Descriptor);
        }
        place = directory.join(fs::read_link(&place)?);
    }
    Err(Errno::ELOOP.into())
}

/// An open file of this process, by its path in `/proc/self/fd`.
fn descriptor(path: &Path) -> io::Result<File> {
    let own = |descriptor: BorrowedFd| descriptor.try_clone_to_owned().map(File::from);
    match path.file_name().and_then(|name| name.to_str()) {
        // What is printed before and after keeps its order.
        Some("1") => own(io::stdout().as_fd()),
        Some("2") => own(io::stderr().as_fd()),
        _ => OpenOptions::new().append(true).open(path),
    }
}

//! boards.toml: the boards of a user.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use gauss_lowering::target::Target;
use pfp_compiler::{error::Error, target};
use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// A board, as its table in the file has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// What ssh calls it: a host, USER@HOST, or a name of ~/.ssh/config.
    pub host: String,
    /// The target triple, as `pfp compile --target` takes it.
    pub platform: String,
    /// The CPU, as `pfp compile --cpu` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The CPUs to run on, by number; none: the last ones that the agent may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<usize>,
    /// A program and its arguments that runs the agent, such as an emulator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runner: Vec<String>,
    /// Where the agent lies on the board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// More options for ssh.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
}

/// The keys of a board.
const KEYS: [&str; 7] = ["host", "platform", "cpu", "cpus", "runner", "directory", "ssh"];

impl Board {
    /// What code for the board is made for.
    ///
    /// # Errors
    ///
    /// Where the compiler makes no code for its platform or CPU.
    pub fn target(&self) -> Result<Target, Error> {
        target::find(&self.platform, self.cpu.as_deref())
    }

    /// The architecture of its platform.
    pub fn architecture(&self) -> &str {
        self.platform.split('-').next().unwrap_or_default()
    }
}

/// The file, and what is in it.
pub struct Boards {
    path: PathBuf,
    document: DocumentMut,
    boards: BTreeMap<String, Board>,
}

impl Boards {
    /// Reads a file, or the one that the environment names: `PFP_BOARDS`, else
    /// `$XDG_CONFIG_HOME/pfp/boards.toml`, else `~/.config/pfp/boards.toml`. A file that is not there has
    /// no boards.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is not as it should be.
    pub fn read(path: Option<&Path>) -> Result<Self, Error> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => default_path()?,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::read(&path, error)),
        };
        let refuse =
            |why: String| Error::malformed(&path.display().to_string(), "file of boards", why);
        let document: DocumentMut = text.parse().map_err(|error| refuse(format!("{error}")))?;
        let boards = boards(&document).map_err(refuse)?;
        Ok(Self { path, document, boards })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All boards by their names.
    pub fn all(&self) -> &BTreeMap<String, Board> {
        &self.boards
    }

    /// The board of a name.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn find(&self, name: &str) -> Result<&Board, Error> {
        self.boards.get(name).ok_or_else(|| {
            let path = self.path.display();
            let names: Vec<_> = self.boards.keys().map(String::as_str).collect();
            let error = Error::request(format!("{path} has no board '{name}'"));
            match names[..] {
                [] => error.with_help(format!("add it: pfp board add {name} --host HOST")),
                _ => error.with_help(target::suggest(name, &names, "boards")),
            }
        })
    }

    /// Checks that a board of this name can be added.
    ///
    /// # Errors
    ///
    /// Where it is no name, or there is such a board and `replace` does not say that it goes.
    pub fn check_free(&self, name: &str, replace: bool) -> Result<(), Error> {
        check_name(name).map_err(Error::request)?;
        match self.boards.contains_key(name) && !replace {
            true => {
                Err(Error::request(format!("{} already has a board '{name}'", self.path.display()))
                    .with_help("choose another name, or replace it with --replace"))
            }
            false => Ok(()),
        }
    }

    /// Adds a board and writes the file; comments stay.
    ///
    /// # Errors
    ///
    /// As [`Boards::check_free`]; where the board is none, or the file cannot be written.
    pub fn add(&mut self, name: &str, board: &Board, replace: bool) -> Result<(), Error> {
        self.check_free(name, replace)?;
        check(board).map_err(Error::request)?;
        let mut table = Table::new();
        let list = |words: &[String]| words.iter().collect::<Array>();
        table["host"] = value(&board.host);
        table["platform"] = value(&board.platform);
        if let Some(cpu) = &board.cpu {
            table["cpu"] = value(cpu);
        }
        if !board.cpus.is_empty() {
            let cpus: Array = board.cpus.iter().map(|&cpu| cpu as i64).collect();
            table["cpus"] = value(cpus);
        }
        if !board.runner.is_empty() {
            table["runner"] = value(list(&board.runner));
        }
        if let Some(directory) = &board.directory {
            table["directory"] = value(directory);
        }
        if !board.ssh.is_empty() {
            table["ssh"] = value(list(&board.ssh));
        }
        let boards = self.document.entry("boards").or_insert_with(|| {
            let mut boards = Table::new();
            boards.set_implicit(true);
            Item::Table(boards)
        });
        if let Some(boards) = boards.as_table_like_mut() {
            boards.insert(name, Item::Table(table));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
        }
        fs::write(&self.path, self.document.to_string())
            .map_err(|error| Error::write(&self.path, error))?;
        self.boards.insert(name.to_owned(), board.clone());
        Ok(())
    }
}

fn default_path() -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os("PFP_BOARDS").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    folder.map(|folder| folder.join("pfp/boards.toml")).ok_or_else(|| {
        Error::request("neither PFP_BOARDS nor XDG_CONFIG_HOME nor HOME is set")
            .with_help("name the file of boards: --boards FILE")
    })
}

/// Refuses what is no name of a board.
///
/// # Errors
///
/// Where it has anything but letters, digits, `-` and `_`.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('-')
        && name.chars().all(is_word)
    {
        true => Ok(()),
        false => Err(format!(
            "'{name}' is no name of a board: letters, digits, - and _, at most 64 of them"
        )),
    }
}

/// The boards of a file, each checked.
fn boards(document: &DocumentMut) -> Result<BTreeMap<String, Board>, String> {
    let mut boards = BTreeMap::new();
    for (key, item) in document.iter() {
        if key != "boards" {
            return Err(format!("it has '{key}', where only [boards.NAME] is known"));
        }
        let tables = item.as_table_like().ok_or("'boards' is no table")?;
        for (name, item) in tables.iter() {
            check_name(name)?;
            let table =
                item.as_table_like().ok_or_else(|| format!("'boards.{name}' is no table"))?;
            if let Some((key, _)) = table.iter().find(|(key, _)| !KEYS.contains(key)) {
                let advice = target::suggest(key, &KEYS, "keys");
                return Err(format!("board '{name}' has the unknown key '{key}'; {advice}"));
            }
            // As a document of its own.
            let mut alone = DocumentMut::new();
            table.iter().for_each(|(key, item)| alone[key] = item.clone());
            let board: Board = toml_edit::de::from_document(alone)
                .map_err(|error| format!("board '{name}': {}", error.message()))?;
            check(&board).map_err(|error| format!("board '{name}': {error}"))?;
            boards.insert(name.to_owned(), board);
        }
    }
    Ok(boards)
}

/// Refuses what no board has.
///
/// # Errors
///
/// Where its host is none, a CPU is named twice or by a word that depends on who reads it, or its
/// folder has no name.
pub fn check(board: &Board) -> Result<(), String> {
    check_host(&board.host)?;
    if board.cpu.as_deref() == Some("native") {
        return Err("'native' is the CPU of this machine; name that of the board, or leave it to \
                    pfp board add"
            .into());
    }
    if let Some(place) = (1..board.cpus.len()).find(|&n| board.cpus[..n].contains(&board.cpus[n])) {
        return Err(format!("the CPU {} is named twice", board.cpus[place]));
    }
    match board.directory.as_deref() {
        Some("") => Err("its directory has no name".into()),
        _ => Ok(()),
    }
}

/// Refuses what ssh would take as an option.
///
/// # Errors
///
/// Where it begins with `-`, or is empty.
pub fn check_host(host: &str) -> Result<(), String> {
    match host.is_empty() || host.starts_with('-') || host.contains(char::is_whitespace) {
        true => Err(format!("'{host}' is no host")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Boards, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boards.toml");
        fs::write(&path, text).unwrap();
        Boards::read(Some(&path))
    }

    #[test]
    fn a_file_names_boards() {
        let text = "[boards.pi]\nhost = 'me@pi'\nplatform = 'aarch64-linux-gnu'\ncpus = [2, 3]\n";
        let boards = read(text).unwrap();
        let board = boards.find("pi").unwrap();
        assert_eq!((board.host.as_str(), &board.cpus[..]), ("me@pi", &[2, 3][..]));
        assert_eq!(
            (board.architecture(), board.target().unwrap().cpu.as_str()),
            ("aarch64", "generic")
        );
        let Err(Error::Request { message, help }) = boards.find("pie") else { panic!("no such") };
        assert!(message.ends_with("boards.toml has no board 'pie'"), "{message}");
        assert_eq!(help.unwrap(), "did you mean 'pi'?");
    }

    #[test]
    fn what_is_unknown_is_an_error_with_what_may_be_meant() {
        let error = |text: &str| read(text).err().unwrap().to_string();
        let base = "[boards.pi]\nhost = 'pi'\nplatform = 'aarch64-linux-gnu'\n";
        assert!(error(&format!("{base}cpuss = [1]")).contains("'cpuss'; similar keys: cpus, cpu"));
        assert!(error(&format!("{base}cpus = 1")).contains("board 'pi': "));
        assert!(error("[board.pi]\nhost = 'pi'").contains("it has 'board'"));
        assert!(error("[boards.pi]\nhost = 'pi'").contains("missing field `platform`"));
        assert!(error("[boards.'a b']\nhost = 'pi'").contains("no name of a board"));
        assert!(
            error("[boards.pi]\nhost = '-oProxyCommand=x'\nplatform = 'p'").contains("no host")
        );
        assert!(error("boards = [").contains("is not a valid file of boards"));
        assert!(error(&format!("{base}cpu = 'native'")).contains("is the CPU of this machine"));
        assert!(error(&format!("{base}cpus = [1, 2, 1]")).contains("the CPU 1 is named twice"));
        assert!(error(&format!("{base}directory = ''")).contains("its directory has no name"));
    }

    #[test]
    fn what_is_added_leaves_comments_and_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pfp/boards.toml");
        let board = Board {
            host: "pi".into(),
            platform: "aarch64-linux-gnu".into(),
            runner: vec!["qemu-aarch64".into(), "-L".into(), "/x y".into()],
            ..Board::default()
        };
        Boards::read(Some(&path)).unwrap().add("first", &board, false).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# mine\n{text}")).unwrap();
        let mut boards = Boards::read(Some(&path)).unwrap();
        assert_eq!(boards.find("first").unwrap(), &board);
        assert!(boards.add("first", &board, false).is_err());
        boards.add("second", &board, false).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\n[boards.first]\n"), "{text}");
        assert_eq!(Boards::read(Some(&path)).unwrap().all().len(), 2);
        assert!(boards.add("a;b", &board, false).is_err());
    }
}

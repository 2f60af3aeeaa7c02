//! A board: an sshd on the loopback with keys of its own, which runs agents of this machine or, under
//! qemu, of AArch64.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    absent::skipped,
    fixture::{Dir, has, pfp, repository},
};

/// Clients of a board queue, so that tests would wait for each other within their bounds of time.
static TURN: Mutex<()> = Mutex::new(());

const SSHD: &str = "/usr/sbin/sshd";

/// What the table of the board says beside host and ssh.
pub const NATIVE: &str = "platform = 'x86_64-linux-gnu'\ncpu = 'x86-64'\n";

/// The same for AArch64 under qemu.
pub const EMULATED: &str = "platform = 'aarch64-linux-gnu'\ncpu = 'cortex-a72'\n\
    runner = ['qemu-aarch64']\n";

/// A board, and a directory to work in.
pub struct Sshd {
    pub dir: Dir,
    server: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Sshd {
    /// A board whose table says `table`; says what is missing where there can be none.
    pub fn start(table: &str) -> Option<Self> {
        Self::start_with(table, &[])
    }

    /// As [`Sshd::start`], with sshd run by these words.
    pub fn start_with(table: &str, before: &[&str]) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        for architecture in ["x86_64", "aarch64"].into_iter().filter(|name| table.contains(name)) {
            let triple = format!("{architecture}-unknown-linux-gnu");
            if !agents().join(triple).join("pfp-agent").exists() {
                skipped(&format!("no agent for {architecture} is built (./x agent builds it)"));
                return None;
            }
        }
        if !Path::new(SSHD).exists() {
            skipped("sshd is not installed (./x test installs it)");
            return None;
        }
        if table.contains("qemu-aarch64") && !has("qemu-aarch64") {
            return None;
        }
        let dir = Dir::tiny();
        let path = |file: &str| dir.path(file).display().to_string();
        for key in ["host_key", "user_key"] {
            let file = path(key);
            let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &file];
            dir.run(Command::new("ssh-keygen").args(arguments)).ok();
        }
        dir.write("authorized_keys", dir.read("user_key.pub"));
        fs::create_dir(dir.path("home")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        dir.write("known_hosts", format!("[127.0.0.1]:{port} {}", dir.text("host_key.pub")));
        dir.write(
            "sshd_config",
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nPidFile none\nSetEnv HOME={}\n",
                path("host_key"),
                path("authorized_keys"),
                // What the shell of this user runs at its start takes no part.
                path("home")
            ),
        );
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout);
        dir.write(
            "ssh_config",
            format!(
                "Host board\n  HostName 127.0.0.1\n  Port {port}\n  User {}\n  IdentityFile {}\n  \
                 IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  \
                 StrictHostKeyChecking yes\n",
                user.unwrap().trim(),
                path("user_key"),
                path("known_hosts")
            ),
        );
        // Where root runs sshd, it wants this folder of its own.
        let _ = fs::create_dir_all("/run/sshd");
        let words = [before, &[SSHD, "-D", "-e", "-f"]].concat();
        let server = Command::new(words[0])
            .args(&words[1..])
            .arg(path("sshd_config"))
            .stdin(Stdio::null())
            .stderr(fs::File::create(dir.path("sshd.log")).unwrap())
            .spawn()
            .unwrap();
        let board = Self { dir, server, _turn: turn };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || board.dir.text("sshd.log");
            assert!(start.elapsed() < Duration::from_secs(10), "no sshd: {}", log());
            thread::sleep(Duration::from_millis(20));
        }
        board.name("board", table, &board.remote());
        Some(board)
    }

    /// Adds a board to the file.
    pub fn name(&self, name: &str, table: &str, directory: &Path) {
        let path = self.dir.path("boards.toml");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let config = self.dir.path("ssh_config");
        let text = format!(
            "{text}[boards.{name}]\nhost = 'board'\n{table}directory = '{}'\nssh = ['-F', '{}']\n",
            directory.display(),
            config.display()
        );
        fs::write(path, text).unwrap();
    }

    /// The options of `pfp board add` that lead to it.
    pub fn add_options(&self) -> String {
        format!(
            "--host board --ssh=-F --ssh={} --directory {}",
            self.dir.path("ssh_config").display(),
            self.remote().display()
        )
    }

    /// Where the agent lies on the board.
    pub fn remote(&self) -> PathBuf {
        self.dir.path("remote")
    }

    /// What is there.
    pub fn left(&self) -> Vec<String> {
        self.dir.list("remote")
    }

    /// `pfp` with the boards of the directory.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = pfp();
        command.current_dir(self.dir.path("")).args(arguments.split_whitespace());
        command.env("PFP_BOARDS", self.dir.path("boards.toml"));
        command.env("PFP_AGENTS", agents());
        // The sockets of shared connections.
        let sockets = self.dir.path("run");
        fs::create_dir_all(&sockets).unwrap();
        fs::set_permissions(&sockets, fs::Permissions::from_mode(0o700)).unwrap();
        command.env("XDG_RUNTIME_DIR", sockets);
        command
    }

    /// Runs it.
    pub fn pfp(&self, arguments: &str) -> crate::fixture::Ran {
        self.dir.run(&mut self.command(arguments))
    }

    /// Waits until no agent of this board runs any more.
    pub fn wait_until_none_runs(&self) {
        let start = Instant::now();
        let remote = self.remote().display().to_string();
        while !processes(&remote).is_empty() {
            let left = processes(&remote);
            assert!(start.elapsed() < Duration::from_secs(10), "still running: {left:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        // The sessions, and the connections that are kept.
        for (pid, line) in processes(&self.dir.path("").display().to_string()) {
            if line.contains("ssh") || line.contains("agent-") {
                // Some end with those before.
                let _ = Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status();
            }
        }
    }
}

/// The folder of the agents that were built.
pub fn agents() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_pfp")).ancestors().nth(2).unwrap();
    let built = target.join("agents");
    if built.exists() { built } else { repository().join("target/agents") }
}

/// Processes whose command line has a text.
pub fn processes(text: &str) -> Vec<(i32, String)> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok());
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let line = |pid: i32| {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        (line.contains(text) && pid != std::process::id() as i32).then_some((pid, line))
    };
    pids.filter_map(line).collect()
}

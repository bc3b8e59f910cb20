//! A provider, people, and what their commands print. Everything that is started ends with the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Longest that a test waits for one thing to happen before it fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// A run of the binary with these arguments, with nothing of the test's surroundings.
pub(crate) fn folkmoot<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_folkmoot"));
    for variable in [
        "FOLKMOOT_PROFILE",
        "FOLKMOOT_LOG",
        "XDG_DATA_HOME",
        "NO_COLOR",
    ] {
        command.env_remove(variable);
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn run(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            exit: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The lines of a command that worked, each of them JSON.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert_eq!((self.exit, &*self.stderr), (Some(0), ""), "{}", self.stdout);
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The only line with this `event` of a command that worked.
    #[track_caller]
    pub(crate) fn only(&self, event: &str) -> Value {
        let lines = self.lines();
        let mut found = lines.iter().filter(|line| line["event"] == event);
        let only = found
            .next()
            .unwrap_or_else(|| panic!("no {event} in {lines:?}"));
        assert_eq!(found.next(), None);
        only.clone()
    }

    /// What a command printed that worked.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        assert_eq!((self.exit, &*self.stderr), (Some(0), ""), "{}", self.stdout);
        &self.stdout
    }

    /// Checks that a `--json` command failed with an exit code and one line that says so.
    #[track_caller]
    pub(crate) fn fails(&self, exit: i32, code: &str) -> String {
        assert_eq!(self.exit, Some(exit), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        let error: Value = serde_json::from_str(&self.stderr).unwrap();
        assert_eq!(error["error"], code, "{self:?}");
        assert_eq!(error["exit"], exit, "{self:?}");
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains('\n'), "{self:?}");
        message.to_owned()
    }
}

/// Lines of a process that goes on, each waited for with a bound.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    fn of(from: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in BufReader::new(from).lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self(receiver)
    }

    /// The next line.
    #[track_caller]
    pub(crate) fn next(&self) -> String {
        self.0
            .recv_timeout(PATIENCE)
            .expect("a line comes while the test waits")
    }

    /// The next line that contains something; what comes before it is not looked at.
    #[track_caller]
    pub(crate) fn until(&self, part: &str) -> String {
        loop {
            let line = self.next();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// All lines up to the end of the process.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.0.iter().collect()
    }
}

/// A process that goes on until it is told to end, at the latest when it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Lines,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        // Read as well, or a process that says much would wait for someone to listen.
        let stderr = Lines::of(child.stderr.take().unwrap());
        thread::spawn(move || stderr.0.iter().for_each(|line| eprintln!("{line}")));
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself; gives its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// A provider as a process, with open registration, and a folder for everybody's files.
pub(crate) struct Provider {
    process: Running,
    pub(crate) address: String,
    folder: TempDir,
}

impl Provider {
    /// On a free port.
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// At an address of the test's choice.
    pub(crate) fn start_at(listen: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, address) = serve(folder.path(), listen);
        Self {
            process,
            address,
            folder,
        }
    }

    /// Where it listens.
    pub(crate) fn authority(&self) -> &str {
        authority(&self.address)
    }

    /// A file or folder of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An address for a further device of a user.
    pub(crate) fn invite(&mut self, user: &str) -> String {
        self.process.type_line(&format!("invite {user}"));
        self.process.stdout.next()
    }

    /// Ends it with `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same data and port.
    pub(crate) fn restart(&mut self) {
        let (process, address) = serve(self.folder.path(), authority(&self.address));
        assert_eq!(address, self.address, "it is the same provider");
        self.process = process;
    }

    /// Someone without a profile.
    pub(crate) fn nobody(&self, name: &str) -> Person {
        Person {
            profile: self.path(name),
        }
    }

    /// Someone with a name.
    pub(crate) fn person(&self, name: &str) -> Person {
        let person = self.nobody(name);
        person
            .json(["register", name, "--provider", &self.address])
            .only("registered");
        person
    }

    /// With three people in a group called `meadow`.
    pub(crate) fn start_with_meadow() -> (Self, [Person; 3]) {
        let provider = Self::start();
        let people = ["alice", "bob", "charlie"].map(|name| provider.person(name));
        people[0]
            .json(["group", "create", "meadow"])
            .only("created");
        people[0]
            .json(["group", "invite", "meadow", "bob", "charlie"])
            .only("invited");
        for person in &people[1..] {
            person.json(["read"]).only("joined");
        }
        (provider, people)
    }
}

fn serve(folder: &Path, listen: &str) -> (Running, String) {
    let data = folder.join("provider");
    let mut command = folkmoot([
        "serve",
        "--listen",
        listen,
        "--registration",
        "open",
        "--interactive",
        "--data",
    ]);
    let process = Running::start(command.arg(data));
    let address = process.stdout.next();
    (process, address)
}

fn authority(address: &str) -> &str {
    address
        .strip_prefix("folkmoot://")
        .unwrap()
        .split('/')
        .next()
        .unwrap()
}

/// Someone with a profile folder, who may have registered.
pub(crate) struct Person {
    pub(crate) profile: PathBuf,
}

impl Person {
    /// A command of theirs, for a person to read.
    pub(crate) fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = folkmoot([OsStr::new("--profile"), self.profile.as_os_str()]);
        command.args(words);
        command
    }

    /// A command of theirs, for a program to read.
    pub(crate) fn json_command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        self.command(std::iter::once("--json").chain(words))
    }

    /// Runs a command for a person to read.
    pub(crate) fn run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Ran {
        Ran::run(&mut self.command(words))
    }

    /// Runs a command for a program to read.
    pub(crate) fn json<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Ran {
        Ran::run(&mut self.json_command(words))
    }

    /// Runs a command with something on stdin.
    pub(crate) fn json_with<'a>(
        &self,
        words: impl IntoIterator<Item = &'a str>,
        stdin: &[u8],
    ) -> Ran {
        let mut child = self
            .json_command(words)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let stdin = stdin.to_vec();
        // The command may refuse before it has read everything.
        let writer = thread::spawn(move || drop(pipe.write_all(&stdin)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran {
            exit: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The texts that a command reads.
    pub(crate) fn texts<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let lines = self.json(words).lines();
        let texts = lines.iter().filter(|line| line["event"] == "message");
        texts
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The group as this person sees it.
    pub(crate) fn group(&self, name: &str) -> Value {
        let groups = self.json(["group", "list"]).lines();
        let found = groups
            .into_iter()
            .find(|line| line["event"] == "group" && line["name"] == name);
        found.unwrap_or_else(|| panic!("no group {name}"))
    }
}

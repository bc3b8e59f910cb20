//! Runs of this same program: a person's command, waited for with a bound.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::script::Person;
use crate::failure::Failure;

/// Longest that one command of a person may take.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// Most that one command may print, in bytes.
const MAX_OUTPUT: u64 = 1 << 20;

/// Where everyone's profile is, and what they run.
#[derive(Debug)]
pub(super) struct Cast {
    program: PathBuf,
    folder: PathBuf,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Run {
    /// What was run, for whoever has to find out why.
    pub(super) command: String,
    pub(super) exit: Option<i32>,
    /// The lines on stdout.
    pub(super) lines: Vec<Value>,
    /// What stood on stderr.
    pub(super) error: String,
}

impl Cast {
    /// People whose profiles are folders in `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        Ok(Self {
            program: program()?,
            folder: folder.to_owned(),
        })
    }

    /// The folder of a person's profile.
    pub(super) fn profile(&self, person: Person) -> PathBuf {
        self.folder.join(person.user())
    }

    /// Runs one command of a person, in a process that knows nothing but its profile and arguments.
    pub(super) async fn run(&self, person: Person, words: &[&str]) -> Result<Run, Failure> {
        let said = format!("{} runs `folkmoot {}`", person.name(), words.join(" "));
        let fault = |error: std::io::Error| Failure::internal(format!("{said}: {error}"));
        let mut child = Command::new(&self.program)
            .args(["--json", "--profile"])
            .arg(self.profile(person))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(fault)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async { tokio::try_join!(all(stdout), all(stderr), child.wait()) };
        let Ok(done) = timeout(COMMAND_TIMEOUT, work).await else {
            return Err(Failure::claim(format!(
                "{said}, which ends within a minute"
            )));
        };
        let (stdout, error, status) = done.map_err(fault)?;
        let lines: Result<_, _> = stdout.lines().map(serde_json::from_str).collect();
        let lines = lines.map_err(|why| {
            Failure::claim(format!(
                "{said} and gets JSON line by line, not {stdout:?}: {why}"
            ))
        })?;
        let error = error.trim().to_owned();
        Ok(Run {
            command: said,
            exit: status.code(),
            lines,
            error,
        })
    }
}

impl Run {
    /// The lines with this `event`.
    pub(super) fn events<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["event"] == event)
    }

    /// The only line with this `event`.
    pub(super) fn only(&self, event: &str) -> Result<&Value, Failure> {
        let mut found = self.lines.iter().filter(|line| line["event"] == event);
        match (found.next(), found.next()) {
            (Some(line), None) => Ok(line),
            _ => Err(Failure::claim(format!(
                "{}, and gets one `{event}`",
                self.command
            ))),
        }
    }
}

/// This program.
pub(super) fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::internal(format!("this program does not find itself: {error}")))
}

async fn all(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut text = String::new();
    if let Some(from) = from {
        from.take(MAX_OUTPUT).read_to_string(&mut text).await?;
    }
    Ok(text)
}

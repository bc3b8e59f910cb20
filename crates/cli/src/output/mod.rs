//! What is printed, where and how: for a person, or as one JSON object per line.

mod paint;
mod progress;
mod visible;

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use folkmoot_identity::UserName;
use serde::Serialize;

pub(crate) use self::paint::Paint;
use self::paint::colour_wanted;
pub(crate) use self::progress::Progress;
pub(crate) use self::visible::{visible, visible_json, visible_line};

use crate::failure::Failure;

/// Something that is printed: its JSON has an `event` that says what it is.
pub(crate) trait Report: Serialize {
    /// The same for a person: one or more lines without the last line break.
    fn human(&self, to: &Reader) -> String;
}

/// The person who reads the output.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) paint: Paint,
    /// Who they are, once a profile is open.
    pub(crate) user: Option<UserName>,
}

impl Reader {
    /// A user's name as short as it is clear: `you`, `bob`, or the URI for another provider's.
    pub(crate) fn name(&self, user: &UserName) -> String {
        match &self.user {
            Some(own) if own == user => "you".to_owned(),
            Some(own) if own.domain() == user.domain() => user.user_part().to_owned(),
            _ => user.to_string(),
        }
    }
}

/// The program's stdout and stderr.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    reader: Reader,
}

impl Output {
    /// For a person unless `json` is asked for.
    pub(crate) fn new(json: bool) -> Self {
        let paint = Paint::new(!json && colour_wanted(stdout().is_terminal()));
        Self {
            json,
            reader: Reader { paint, user: None },
        }
    }

    /// Whether a program reads.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Names are shown as this user would call them.
    pub(crate) fn set_user(&mut self, user: UserName) {
        self.reader.user = Some(user);
    }

    /// Who reads.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Prints a report.
    pub(crate) fn report(&self, report: &impl Report) -> Result<(), Failure> {
        if self.json {
            self.json(report)
        } else {
            self.line(&report.human(&self.reader))
        }
    }

    /// Prints a line that only a person needs.
    pub(crate) fn remark(&self, line: impl FnOnce(&Reader) -> String) -> Result<(), Failure> {
        if self.json {
            Ok(())
        } else {
            self.line(&line(&self.reader))
        }
    }

    /// Shows on stderr that work is under way, where a person looks at it.
    pub(crate) fn progress(&self, what: &'static str) -> Progress {
        Progress::start(what, !self.json && stderr().is_terminal())
    }

    /// Says why the command failed, and gives its exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if !failure.is_silent() {
            self.complain(failure);
        }
        ExitCode::from(failure.exit())
    }

    /// Says what went wrong, on stderr.
    pub(crate) fn complain(&self, failure: &Failure) {
        let line = match serde_json::to_string(failure) {
            Ok(json) if self.json => visible_json(&json),
            _ => {
                let paint = Paint::new(colour_wanted(stderr().is_terminal()));
                format!(
                    "{} {}",
                    paint.bad("error:"),
                    visible_line(failure.message())
                )
            }
        };
        // Where stderr is gone, the exit code still tells.
        let _ = writeln!(stderr(), "{line}");
    }

    fn json(&self, report: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string(report)
            .map_err(|error| Failure::internal(format!("a report is not JSON: {error}")))?;
        self.line(&visible_json(&json))
    }

    #[allow(clippy::unused_self, reason = "stdout is this value's to write")]
    fn line(&self, line: &str) -> Result<(), Failure> {
        writeln!(stdout(), "{line}").map_err(|error| Failure::output(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_are_clear() {
        let user = |uri: &str| -> UserName { uri.parse().unwrap() };
        let mut reader = Reader {
            paint: Paint::new(false),
            user: None,
        };
        let bob = user("mimi://example.org/u/bob");
        assert_eq!(reader.name(&bob), "mimi://example.org/u/bob");
        reader.user = Some(user("mimi://example.org/u/alice"));
        assert_eq!(reader.name(&bob), "bob");
        assert_eq!(reader.name(&user("mimi://example.org/u/alice")), "you");
        let elsewhere = "mimi://example.net/u/bob";
        assert_eq!(reader.name(&user(elsewhere)), elsewhere);
    }
}

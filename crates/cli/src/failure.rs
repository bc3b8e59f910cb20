//! Why a command failed: a code for programs, a line for people, an exit code for shells.

use std::io::ErrorKind;

use folkmoot_client::Error as ClientError;
use folkmoot_server::Error as ServerError;
use serde::Serialize;

/// What a command ends with when it does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    #[serde(rename = "error")]
    code: &'static str,
    message: String,
    exit: u8,
}

impl Failure {
    /// The exit code of a fault of this program.
    pub(crate) const INTERNAL: u8 = 1;
    /// The exit code of a wrong command line, name, address or configuration.
    pub(crate) const USAGE: u8 = 2;
    /// The exit code of a profile or data directory that cannot be used.
    pub(crate) const PROFILE: u8 = 9;
    /// The exit code of something over a bound.
    pub(crate) const TOO_LARGE: u8 = 11;

    /// A fault of this program.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            code: "internal",
            message: message.into(),
            exit: Self::INTERNAL,
        }
    }

    /// A fault of whoever wrote the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: "usage",
            message: message.into(),
            exit: Self::USAGE,
        }
    }

    /// The input is over a bound.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self {
            code: "too-large",
            message: message.into(),
            exit: Self::TOO_LARGE,
        }
    }

    /// A claim of the demo that does not hold.
    pub(crate) fn claim(message: impl Into<String>) -> Self {
        Self {
            code: "claim",
            message: message.into(),
            exit: Self::INTERNAL,
        }
    }

    /// Whoever reads the output has gone, which is their right: nothing is printed about it.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            return Self {
                code: "",
                message: String::new(),
                exit: 0,
            };
        }
        Self::internal(format!("the output cannot be written: {error}"))
    }

    /// Whether there is nobody to tell and nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    /// One line for a person.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// For the shell.
    pub(crate) fn exit(&self) -> u8 {
        self.exit
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self {
            code: client_code(&error),
            exit: error.exit_code(),
            message: error.to_string(),
        }
    }
}

/// Finer than the exit codes, where a program may want to know.
fn client_code(error: &ClientError) -> &'static str {
    match error {
        ClientError::Offline { .. } => "offline",
        ClientError::WrongPin { .. } => "wrong-pin",
        ClientError::Name(_) => "wrong-name",
        ClientError::Usage(_) => "usage",
        ClientError::UnknownUser { .. } => "unknown-user",
        ClientError::UnknownGroup { .. } => "unknown-group",
        ClientError::AmbiguousGroup { .. } => "ambiguous-group",
        ClientError::NoKeyPackages { .. } => "no-key-packages",
        ClientError::NotMember { .. } => "not-a-member",
        ClientError::GroupStuck { .. } => "group-stuck",
        ClientError::AlreadyMember { .. } => "already-a-member",
        ClientError::NoSuchMember { .. } => "no-such-member",
        ClientError::NameTaken { .. } => "name-taken",
        ClientError::InviteRefused { .. } => "invite-refused",
        ClientError::TooLarge { .. } => "too-large",
        ClientError::Refused(_) => "refused",
        ClientError::Contended { .. } => "contended",
        ClientError::Forged { .. } => "forged",
        ClientError::ProfileMissing { .. } => "profile-missing",
        ClientError::ProfileLocked { .. } => "profile-locked",
        ClientError::ProfileDamaged { .. } => "profile-damaged",
        ClientError::ProfileTaken { .. } => "profile-taken",
        ClientError::Store(_) => "store",
        _ => "internal",
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        let message = first_and_last_line(&error.to_string());
        match error {
            ServerError::Config(_) | ServerError::Certificate(_) => Self::usage(message),
            ServerError::Listen { .. } => {
                Self::usage(format!("{message}; choose another with --listen"))
            }
            ServerError::Data(_) | ServerError::Store(_) => Self {
                code: "data",
                message,
                exit: Self::PROFILE,
            },
            _ => Self::internal(message),
        }
    }
}

/// TOML's errors draw the place where they are: their first line names it, their last says what is
/// wrong there.
fn first_and_last_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    match lines.next_back() {
        Some(last) => format!("{first}: {last}"),
        None => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_becomes_a_line() {
        let drawing =
            "at line 1, column 1\n  |\n1 | domian = 1\n  | ^^^^^^\nunknown field `domian`\n";
        assert_eq!(
            first_and_last_line(drawing),
            "at line 1, column 1: unknown field `domian`"
        );
        assert_eq!(first_and_last_line("one line"), "one line");
        assert_eq!(first_and_last_line(""), "");
    }

    #[test]
    fn a_reader_that_has_gone_is_not_told_so() {
        let gone = Failure::output(&std::io::Error::from(ErrorKind::BrokenPipe));
        assert!(gone.is_silent());
        assert_eq!(gone.exit(), 0);
        let full = Failure::output(&std::io::Error::from(ErrorKind::StorageFull));
        assert!(!full.is_silent());
        assert_eq!(full.exit(), Failure::INTERNAL);
    }
}

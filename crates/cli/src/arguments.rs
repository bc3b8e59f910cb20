//! What can be written on the command line, and the help that teaches it.
#![allow(clippy::doc_markdown, reason = "the doc comments are the help's text")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::error::{Error, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use folkmoot_identity::{NameError, ProviderDomain, UserName};
use folkmoot_protocol::{JoinAddress, RegistrationPolicy};

use crate::failure::Failure;
use crate::output::Output;

const ABOUT: &str = "\
Private group messaging: RFC 9420 (MLS) inside RFC 9750's architecture

One binary is the provider that an organisation runs, the client that its people use, and a
demonstration of both. Messages are end-to-end encrypted with Messaging Layer Security (MLS); the
provider puts in order and keeps what it cannot read.";

/// Heads the options that each command has.
const EVERYWHERE: &str = "Options of every command";

const EXAMPLES: &str = "\
See it work, with nothing set up:
  folkmoot demo

Run a provider, then join it from anywhere:
  folkmoot serve --registration open
  folkmoot register alice --provider 'folkmoot://…'   (the line that serve printed)

Talk:
  folkmoot group create meadow
  folkmoot group invite meadow bob
  folkmoot send meadow 'The gate is open.'
  folkmoot read
  folkmoot chat meadow";

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  a fault of this program, or a claim of the demo that does not hold
   2  the command line, a name, an address or the configuration is wrong
   3  the provider cannot be reached
   4  the provider is not the one that the join address names (wrong pin)
   5  no such user, group or member
   6  the user has no key packages left
   7  you are not, or no longer, a member of the group
   8  refused: name taken, invite needed, no right, over a limit
   9  the profile or data directory is missing, in use or damaged
  10  the other side sent forged or malformed data
  11  too large
  12  the group can go no further: a member ended its epoch with an invalid commit";

/// Private group messaging: RFC 9420 (MLS) inside RFC 9750's architecture
///
#[derive(Debug, Parser)]
#[command(
    version,
    long_about = ABOUT,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// Where your keys are [default: $FOLKMOOT_PROFILE or ~/.local/share/folkmoot/profile]
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub(crate) profile: Option<PathBuf>,
    /// One JSON object per line on stdout, errors as one on stderr
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a provider: accounts, key packages, and the groups' encrypted logs
    #[command(after_help = "\
Examples:
  folkmoot serve
      on this machine only, by invitation: the address it prints holds one invite
  folkmoot serve --listen 0.0.0.0:7443 --domain example.org --data /var/lib/folkmoot
  folkmoot serve --config provider.toml

The first line on stdout is the join address. With --interactive, a line `invite` on stdin gets
one more, with an invite of its own, and `invite bob` one for a further device of bob, who exists.
SIGINT or SIGTERM stops it in good order.")]
    Serve(Serve),
    /// Get a name at a provider for this device
    #[command(after_help = "\
Examples:
  folkmoot register alice --provider 'folkmoot://127.0.0.1:7443/?domain=localhost&pin=…'
  folkmoot --profile phone register alice --device phone --provider 'folkmoot://…'

Quote the address: it has an &. The keys are made here and never leave this device.")]
    Register(Register),
    /// Show whose profile this is, and the fingerprint to compare out of band
    #[command(after_help = "\
Example:
  folkmoot whoami")]
    Whoami,
    /// Create, change, list and leave groups
    #[command(
        subcommand,
        after_help = "\
Examples:
  folkmoot group create meadow
  folkmoot group invite meadow bob charlie
  folkmoot group members meadow

GROUP is a group's name or the first digits of its id. USER is a name at your own provider
(bob) or a full one (mimi://example.org/u/bob)."
    )]
    Group(Group),
    /// Write to a group
    #[command(after_help = "\
Examples:
  folkmoot send meadow The gate is open.
  folkmoot send meadow - < letter.txt
  folkmoot send meadow -- -5 degrees this morning")]
    Send(Send),
    /// Read what is new, and mark it as read
    #[command(after_help = "\
Examples:
  folkmoot read
  folkmoot read meadow --all
  folkmoot --json read --follow | jq .text")]
    Read(Read),
    /// Talk in a group line by line: what arrives is printed, what you type is sent
    #[command(after_help = "\
Examples:
  folkmoot chat meadow
  tail -f news.txt | folkmoot chat meadow

End it with Ctrl-D or Ctrl-C.")]
    Chat {
        /// The group's name, or the first digits of its id
        group: String,
    },
    /// Watch three people talk through a provider, with every claim checked
    #[command(after_help = "\
Examples:
  folkmoot demo
  folkmoot demo --json | tail -1
  folkmoot demo --keep

It starts a provider on a free loopback port and plays RFC 9750 Figure 2 with Alice, Bob and
Charlie, each command of theirs a process of its own. A claim that does not hold makes it exit
with 1 and name the claim.")]
    Demo {
        /// Leave the provider running at the end and print how to join it
        #[arg(long)]
        keep: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where the provider's keys and database are kept [default: folkmoot-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:7443]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The host and port that others reach it by, if not where it listens
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) public_address: Option<String>,
    /// The domain in the names it gives; fixed at the first start [default: localhost]
    #[arg(long)]
    pub(crate) domain: Option<ProviderDomain>,
    /// Who may register [default: invite]
    #[arg(long, value_enum)]
    pub(crate) registration: Option<Registration>,
    /// A TOML file with these settings and more; what is on the command line wins
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Answer `invite` and `invite USER` on stdin with a join address
    #[arg(long)]
    pub(crate) interactive: bool,
    /// Stop when stdin ends, so that no provider outlives whoever started it
    #[arg(long, hide = true)]
    pub(crate) until_stdin_ends: bool,
}

/// Who may register at a provider.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Registration {
    /// Anyone who has the address
    Open,
    /// Whoever has an unused invite
    Invite,
}

impl From<Registration> for RegistrationPolicy {
    fn from(registration: Registration) -> Self {
        match registration {
            Registration::Open => Self::Open,
            Registration::Invite => Self::Invite,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Register {
    /// Your name: 1 to 64 of a-z, 0-9, '.', '_' and '-'
    pub(crate) name: String,
    /// The address that the provider's `serve` printed
    #[arg(long, value_name = "folkmoot://…")]
    pub(crate) provider: JoinAddress,
    /// What to call this device
    #[arg(long, default_value = "main")]
    pub(crate) device: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    #[command(flatten)]
    Change(GroupChange),
    /// Show who is in a group
    Members {
        /// The group's name, or the first digits of its id
        group: String,
    },
    /// Show the groups that you are or were in
    List,
}

/// What needs the provider.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupChange {
    /// Create a group with you alone in it
    Create {
        /// What to call it; its members see the name, the provider does not
        name: String,
    },
    /// Add people, with all their devices
    Invite {
        /// The group's name, or the first digits of its id
        group: String,
        /// bob, or mimi://example.org/u/bob
        #[arg(required = true, num_args = 1..=MAX_USERS)]
        users: Vec<UserArgument>,
    },
    /// Remove a person, with all their devices
    Remove {
        /// The group's name, or the first digits of its id
        group: String,
        /// bob, or mimi://example.org/u/bob
        user: UserArgument,
    },
    /// Ask to be taken out; the next command of any member does it
    Leave {
        /// The group's name, or the first digits of its id
        group: String,
    },
    /// Replace your keys in a group with fresh ones
    Update {
        /// The group's name, or the first digits of its id
        group: String,
    },
}

/// Most users in one invitation.
const MAX_USERS: usize = 100;

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// The group's name, or the first digits of its id
    pub(crate) group: String,
    /// The text; `-` reads it from stdin
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Read {
    /// Only this group: its name, or the first digits of its id
    pub(crate) group: Option<String>,
    /// Not only what is new: the newest 10,000 messages that are here
    #[arg(long)]
    pub(crate) all: bool,
    /// Go on printing what arrives, until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
}

/// A user as it may be written: `bob` at one's own provider, or the whole URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserArgument {
    /// At the provider of whoever asks.
    Own(String),
    /// Says which provider.
    Full(UserName),
}

impl UserArgument {
    /// The user that is meant by someone at `provider`.
    pub(crate) fn at(&self, provider: &ProviderDomain) -> Result<UserName, NameError> {
        match self {
            Self::Own(user) => UserName::new(provider, user),
            Self::Full(user) => Ok(user.clone()),
        }
    }
}

impl FromStr for UserArgument {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains(':') || text.contains('/') {
            return text.parse().map(Self::Full);
        }
        Ok(Self::Own(text.to_owned()))
    }
}

/// Prints the help that was asked for, or says in one line what is wrong with the command line.
pub(crate) fn refuse(error: &Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nobody is left to tell when the terminal is gone.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Failure::USAGE))
        }
        _ => {
            let json = std::env::args_os().any(|argument| argument == "--json");
            Output::new(json).fail(&Failure::usage(in_one_line(error)))
        }
    }
}

/// Clap's first paragraph says what is wrong, and a tip may say what was meant; how to write it is in
/// the help.
fn in_one_line(error: &Error) -> String {
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let words: Vec<_> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let first = paragraphs.next().unwrap_or_default();
    let mut line = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
    for tip in paragraphs.filter_map(|line| Some(line.strip_prefix("tip: ")?.to_owned())) {
        line.push_str("; ");
        line.push_str(&tip);
    }
    line + "; `folkmoot help` shows how it is written"
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_user_is_at_ones_own_provider_or_says_where() {
        let own: ProviderDomain = "example.org".parse().unwrap();
        let bob: UserArgument = "bob".parse().unwrap();
        assert_eq!(
            bob.at(&own).unwrap().to_string(),
            "mimi://example.org/u/bob"
        );
        let full: UserArgument = "mimi://example.net/u/bob".parse().unwrap();
        assert_eq!(
            full.at(&own).unwrap().to_string(),
            "mimi://example.net/u/bob"
        );
        assert!("Bob".parse::<UserArgument>().unwrap().at(&own).is_err());
        assert!(
            "mimi://example.net/d/bob/main"
                .parse::<UserArgument>()
                .is_err()
        );
        assert!("bob/main".parse::<UserArgument>().is_err());
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for line in [
            "",
            "sing",
            "send",
            "send meadow",
            "read --sideways",
            "group remove meadow",
        ] {
            let words = std::iter::once("folkmoot").chain(line.split_whitespace());
            let error = Arguments::try_parse_from(words).unwrap_err();
            let said = in_one_line(&error);
            assert!(!said.contains('\n') && !said.contains("Usage"), "{said}");
        }
        let said = in_one_line(&Arguments::try_parse_from(["folkmoot", "sned"]).unwrap_err());
        assert!(said.contains("'send'"), "{said}");
    }
}

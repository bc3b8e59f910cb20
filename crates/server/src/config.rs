//! What an operator decides: a TOML file, every key of which has a default.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use folkmoot_identity::ProviderDomain;
use folkmoot_protocol::RegistrationPolicy;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::Error;

/// The port of a provider that says nothing else.
pub const DEFAULT_PORT: u16 = 7443;

/// The longest configuration file in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// A provider's configuration.
///
/// ```
/// use folkmoot_server::Config;
///
/// let config = Config::parse(r#"
///     domain = "example.org"
///     listen = "0.0.0.0:7443"
///     public_address = "chat.example.org:7443"
///     registration = "open"
///     [limits]
///     connections = 10000
/// "#)?;
/// assert_eq!(config.domain.as_str(), "example.org");
/// assert!(Config::parse("domian = 'example.org'").is_err());
/// # Ok::<(), folkmoot_server::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The `host:port` that the join address names; by default what `listen` gave.
    pub public_address: Option<String>,
    /// The domain that all names at this provider carry. Fixed at the first start.
    pub domain: ProviderDomain,
    /// The folder of keys and database, created at the first start with mode 0700.
    pub data: PathBuf,
    /// Who may register a device.
    pub registration: RegistrationPolicy,
    /// A certificate of one's own instead of the self-made one.
    pub tls: Option<TlsFiles>,
    /// How much is served at once.
    pub limits: Limits,
}

/// Where an operator's own certificate lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain in PEM, the server's own certificate first: clients pin that one.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// How much one process serves at once. What is over a limit waits or is refused, and never queued
/// without bound.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections; further ones wait in the kernel's backlog.
    pub connections: NonZeroU32,
    /// Open WebSocket streams; further ones are refused as unavailable.
    pub streams: NonZeroU32,
    /// Large request bodies in memory at once; further ones wait their turn.
    pub large_bodies: NonZeroU32,
    /// How long the reader of a stream may take over one event before it is cut, in seconds.
    pub slow_reader_seconds: NonZeroU32,
    /// Largest size of the database in bytes; beyond it, what would be written is refused as
    /// unavailable. None by default.
    pub database_bytes: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            public_address: None,
            domain: "localhost".parse().expect("a valid domain"),
            data: PathBuf::from("folkmoot-data"),
            registration: RegistrationPolicy::Invite,
            tls: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let limit = |count| NonZeroU32::new(count).expect("not zero");
        Self {
            connections: limit(4096),
            streams: limit(2048),
            large_bodies: limit(16),
            slow_reader_seconds: limit(20),
            database_bytes: None,
        }
    }
}

/// A limit as a semaphore's permits.
pub(crate) fn room(limit: NonZeroU32) -> usize {
    usize::try_from(limit.get())
        .unwrap_or(usize::MAX)
        .min(Semaphore::MAX_PERMITS)
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`Error::Config`] names the file and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |why: String| Error::Config(format!("{}: {why}", path.display()));
        let length = std::fs::metadata(path)
            .map_err(|error| wrong(error.to_string()))?
            .len();
        if length > MAX_FILE {
            return Err(wrong(format!("longer than {MAX_FILE} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(|error| match error {
            Error::Config(why) => wrong(why),
            other => other,
        })
    }

    /// Parses a configuration; an unknown key is an error that names it and the known ones.
    ///
    /// # Errors
    /// [`Error::Config`] with the line and what was expected there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Config(one_line(text, &error)))
    }
}

/// The parser's own words take several lines.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        match Config::parse(text) {
            Err(Error::Config(why)) => {
                assert!(!why.contains('\n'), "{why}");
                why
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.listen.port(), DEFAULT_PORT);
        assert!(
            config.listen.ip().is_loopback(),
            "nothing is served to the world unasked"
        );
        assert_eq!(
            config.registration,
            RegistrationPolicy::Invite,
            "nobody registers unasked"
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_the_known_ones() {
        let why = refusal("domian = 'example.org'");
        assert!(why.contains("domian") && why.contains("`domain`"), "{why}");
        let why = refusal("[limits]\nconections = 3");
        assert!(
            why.contains("conections") && why.contains("`connections`"),
            "{why}"
        );
    }

    #[test]
    fn wrong_values_are_refused() {
        assert!(refusal("[limits]\nstreams = 0").contains("line 2"));
        assert!(refusal("registration = 'closed'").contains("open"));
        assert!(refusal("domain = 'a.org'\nx").contains("line 2"));
        refusal("domain = 'not a domain'");
        refusal("listen = 'nowhere'");
        refusal("[tls]\ncertificate = 'a.pem'");
    }

    #[test]
    fn a_file_is_named_in_its_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("provider.toml");
        assert!(
            Config::read(&path)
                .unwrap_err()
                .to_string()
                .contains("provider.toml")
        );
        std::fs::write(&path, "listen = 3").unwrap();
        assert!(
            Config::read(&path)
                .unwrap_err()
                .to_string()
                .contains("provider.toml")
        );
        std::fs::write(&path, "domain = 'example.org'").unwrap();
        assert_eq!(Config::read(&path).unwrap().domain.as_str(), "example.org");
    }
}

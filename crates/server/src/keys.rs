//! The provider's own keys and certificates, made at the first start and read ever after.

use folkmoot_authentication::SessionKey;
use folkmoot_crypto::{Secret, SignatureKeyPair};
use folkmoot_identity::{IssueError, IssuingAuthority, ProviderDomain, RootAuthority, Validity};
use folkmoot_mls::Timestamp;
use folkmoot_protocol::ReceiptKey;
use rand_core::CryptoRng;
use tls_codec::{DeserializeBytes, Serialize};

use crate::Error;
use crate::data::DataDirectory;

const ROOT_KEY: &str = "root.key";
const ROOT_CERTIFICATE: &str = "root.der";
const ISSUING_KEY: &str = "issuing.key";
const ISSUING_CERTIFICATE: &str = "issuing.der";
const RECEIPT_KEY: &str = "receipt.key";
const SESSION_KEY: &str = "session.key";

/// How long a root is valid, in seconds: 20 years.
const ROOT_VALIDITY: u64 = 20 * YEAR;
/// How long an issuing CA is valid, in seconds: 10 years.
const ISSUING_VALIDITY: u64 = 10 * YEAR;
const YEAR: u64 = 365 * 24 * 3600;

/// What the services sign and authenticate with.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) issuing: IssuingAuthority,
    pub(crate) receipt: ReceiptKey,
    pub(crate) session: SessionKey,
}

impl Keys {
    /// Reads the keys, and makes those that were never made.
    pub(crate) fn load(
        domain: &ProviderDomain,
        data: &DataDirectory,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let root = root(domain, data, now, rng)?;
        Ok(Self {
            issuing: of_domain(issuing(&root, data, now, rng)?, domain)?,
            receipt: receipt(data, rng)?,
            session: session(data, rng)?,
        })
    }
}

/// A certificate's file is written after its key's, so that whoever finds it finds both.
fn root(
    domain: &ProviderDomain,
    data: &DataDirectory,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<RootAuthority, Error> {
    if let Some(certificate) = data.read(ROOT_CERTIFICATE)? {
        let key = present(data, ROOT_KEY)?;
        return RootAuthority::open(&key, certificate.expose()).map_err(damaged(ROOT_CERTIFICATE));
    }
    let root = RootAuthority::create(domain, Validity::from_now(now, ROOT_VALIDITY), rng)
        .map_err(not_made)?;
    data.write(ROOT_KEY, &root.key())?;
    data.write(ROOT_CERTIFICATE, &root.der().to_vec().into())?;
    Ok(root)
}

fn issuing(
    root: &RootAuthority,
    data: &DataDirectory,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<IssuingAuthority, Error> {
    if let Some(certificate) = data.read(ISSUING_CERTIFICATE)? {
        let key = present(data, ISSUING_KEY)?;
        return IssuingAuthority::open(&key, certificate.expose(), root.der())
            .map_err(damaged(ISSUING_CERTIFICATE));
    }
    let issuing = root
        .create_issuing(Validity::from_now(now, ISSUING_VALIDITY), rng)
        .map_err(not_made)?;
    data.write(ISSUING_KEY, &issuing.key())?;
    data.write(ISSUING_CERTIFICATE, &issuing.der().to_vec().into())?;
    Ok(issuing)
}

/// A directory's names are those of its first start.
fn of_domain(
    issuing: IssuingAuthority,
    domain: &ProviderDomain,
) -> Result<IssuingAuthority, Error> {
    let found = issuing.anchors().domain();
    if found == domain {
        return Ok(issuing);
    }
    Err(Error::Data(format!(
        "its names are those of {found}, not of {domain}: set `domain` back or take another directory"
    )))
}

fn receipt(data: &DataDirectory, rng: &mut dyn CryptoRng) -> Result<ReceiptKey, Error> {
    let wrong = || {
        Error::Data(format!(
            "{RECEIPT_KEY} is damaged: restore it from a backup"
        ))
    };
    let stored = data.read_or_create(RECEIPT_KEY, || {
        let key = ReceiptKey::generate(rng).map_err(|error| Error::Internal(error.to_string()))?;
        let encoded = key.key_pair().tls_serialize_detached();
        Ok(encoded
            .map_err(|error| Error::Internal(error.to_string()))?
            .into())
    })?;
    let pair = SignatureKeyPair::tls_deserialize_exact_bytes(stored.expose());
    ReceiptKey::try_from(pair.map_err(|_| wrong())?).map_err(|_| wrong())
}

fn session(data: &DataDirectory, rng: &mut dyn CryptoRng) -> Result<SessionKey, Error> {
    let stored = data.read_or_create(SESSION_KEY, || {
        Ok(SessionKey::generate(rng).secret().clone())
    })?;
    SessionKey::try_from(stored).map_err(|error| Error::Data(format!("{SESSION_KEY}: {error}")))
}

fn present(data: &DataDirectory, name: &str) -> Result<Secret, Error> {
    let absent = || Error::Data(format!("{name} is missing: restore it from a backup"));
    data.read(name)?.ok_or_else(absent)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes by value")]
fn not_made(error: IssueError) -> Error {
    Error::Internal(error.to_string())
}

fn damaged(name: &'static str) -> impl Fn(IssueError) -> Error {
    move |error| {
        Error::Data(format!(
            "{name}: {error}; restore it and its key from a backup"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn load(folder: &tempfile::TempDir, domain: &str) -> Result<Keys, Error> {
        let data = DataDirectory::open(&folder.path().join("data"))?;
        Keys::load(
            &domain.parse().unwrap(),
            &data,
            clock::now(),
            &mut clock::rng(),
        )
    }

    #[test]
    fn the_second_start_has_the_keys_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = load(&folder, "example.org").unwrap();
        let second = load(&folder, "example.org").unwrap();
        assert_eq!(first.issuing.root_der(), second.issuing.root_der());
        assert_eq!(first.issuing.der(), second.issuing.der());
        assert_eq!(first.receipt.public(), second.receipt.public());
        assert_eq!(first.session.secret(), second.session.secret());
    }

    #[test]
    fn a_start_that_was_cut_off_is_finished_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        load(&folder, "example.org").unwrap();
        for unfinished in [
            ROOT_CERTIFICATE,
            ISSUING_CERTIFICATE,
            ISSUING_KEY,
            RECEIPT_KEY,
        ] {
            std::fs::remove_file(folder.path().join("data").join(unfinished)).unwrap();
        }
        load(&folder, "example.org").unwrap();
    }

    #[test]
    fn lost_damaged_and_foreign_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        load(&folder, "example.org").unwrap();
        let refusal = |domain| load(&folder, domain).unwrap_err().to_string();
        assert!(refusal("example.net").contains("example.org"));

        let path = |name| folder.path().join("data").join(name);
        for name in [ISSUING_KEY, RECEIPT_KEY, ROOT_CERTIFICATE] {
            let good = std::fs::read(path(name)).unwrap();
            let mut bad = good.clone();
            *bad.last_mut().unwrap() ^= 1;
            std::fs::write(path(name), bad).unwrap();
            let why = refusal("example.org");
            assert!(why.contains("backup"), "{name}: {why}");
            std::fs::write(path(name), good).unwrap();
        }
        let session_key = std::fs::read(path(SESSION_KEY)).unwrap();
        std::fs::write(path(SESSION_KEY), &session_key[1..]).unwrap();
        assert!(refusal("example.org").contains("session.key"));
        std::fs::write(path(SESSION_KEY), session_key).unwrap();

        std::fs::remove_file(path(ISSUING_KEY)).unwrap();
        assert!(refusal("example.org").contains("issuing.key is missing"));
    }
}

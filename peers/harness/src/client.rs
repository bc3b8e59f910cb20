//! What makes a client: its name, its keys, its KeyPackages, what it holds and what it asks of a group.

use crate::failure::Failure;
use crate::wire;
use folkmoot_crypto::{Crypto, Secret};
use folkmoot_mls::{
    AuthenticationService, ClientId, Credential, CredentialRejected, Group, Holdings, JoinOptions,
    KeyPackage, KeyPackageSecrets, Lifetime, Member, OwnKeyPackage, Services, Settings,
    SignatureKeyPair, Supported, Timestamp, VerifiedKeyPackage, WireFormat,
};
use rand_core::UnwrapErr;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// External pre-shared keys of one client.
const MAX_PSKS: usize = 1024;
const LIFETIME_SECONDS: u64 = 28 * 24 * 60 * 60;
/// How far a lifetime reaches back, for clocks that are behind.
const CLOCK_SKEW_SECONDS: u64 = 60 * 60;

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_secs()))
}

pub(crate) fn lifetime() -> Lifetime {
    let Timestamp(now) = now();
    Lifetime {
        not_before: Timestamp(now.saturating_sub(CLOCK_SKEW_SECONDS)),
        not_after: Timestamp(now.saturating_add(LIFETIME_SECONDS)),
    }
}

/// How a client's handshakes travel.
pub(crate) fn handshakes(encrypted: bool) -> WireFormat {
    if encrypted {
        WireFormat::PrivateMessage
    } else {
        WireFormat::PublicMessage
    }
}

/// Whatever RFC 9420 lets another stack do is taken, and what a script may come back to is kept.
pub(crate) fn settings(handshakes: WireFormat) -> Settings {
    Settings {
        handshakes,
        past_epochs: 16,
        skipped_generations: 1 << 16,
        kept_keys: 1 << 16,
        // Some stacks' KeyPackages never expire.
        maximum_lifetime: u64::MAX,
        waiting_proposals: usize::from(u16::MAX),
        listed_values: usize::from(u16::MAX),
        resumption_epochs: 256,
        ..Settings::default()
    }
}

/// Vouches for every basic credential; a client is who its identity says.
pub(crate) struct Names;

impl AuthenticationService for Names {
    fn validate(
        &self,
        credential: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        identity(credential)
            .map(|_| ())
            .ok_or_else(|| CredentialRejected("only basic credentials are known here".into()))
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        identity(credential).map(ClientId::new)
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

/// Whom a basic credential names.
pub(crate) fn identity(credential: &Credential) -> Option<&[u8]> {
    match credential {
        Credential::Basic(identity) => Some(identity.as_slice()),
        Credential::X509(_) => None,
    }
}

/// A client's external pre-shared keys by id.
#[derive(Clone, Default)]
pub(crate) struct Psks(BTreeMap<Vec<u8>, Secret>);

impl Psks {
    pub(crate) fn store(&mut self, id: &[u8], secret: &[u8]) -> Result<(), Failure> {
        if self.0.len() >= MAX_PSKS && !self.0.contains_key(id) {
            return Err(Failure::Full("pre-shared keys of this client"));
        }
        self.0.insert(id.to_vec(), Secret::from(secret));
        Ok(())
    }

    pub(crate) fn store_all(&mut self, others: &Self) -> Result<(), Failure> {
        let mut others = others.0.iter();
        others.try_for_each(|(id, secret)| self.store(id, secret.expose()))
    }

    pub(crate) fn services(&self) -> Services<'_> {
        Services::new(&Names, self)
    }
}

impl Holdings for Psks {
    fn external_psk(&self, id: &[u8]) -> Option<Secret> {
        self.0.get(id).cloned()
    }
}

/// A client with these signature keys. It lists every suite, so that it can follow its group into another.
pub(crate) fn member(identity: &[u8], signature: SignatureKeyPair) -> Member {
    let supports = Supported {
        cipher_suites: wire::suites().collect(),
        ..Supported::default()
    };
    Member::new(Credential::Basic(identity.into()), signature).supporting(supports)
}

/// The same with fresh ones.
pub(crate) fn new_member(crypto: &dyn Crypto, identity: &[u8]) -> Result<Member, Failure> {
    let signature = crypto.generate_signature_key_pair(&mut rng())?;
    Ok(member(identity, signature))
}

/// Somebody else's KeyPackage, verified.
pub(crate) fn verified(
    key_package: KeyPackage,
    crypto: &dyn Crypto,
) -> Result<VerifiedKeyPackage, Failure> {
    let settings = settings(WireFormat::PrivateMessage);
    Ok(key_package.verify(crypto, &Names, &settings, Some(now()))?)
}

/// A KeyPackage of a client's own.
pub(crate) struct Offer {
    pub(crate) crypto: &'static dyn Crypto,
    pub(crate) identity: Vec<u8>,
    pub(crate) key_package: KeyPackage,
    pub(crate) secrets: KeyPackageSecrets,
}

impl Offer {
    pub(crate) fn new(crypto: &'static dyn Crypto, identity: &[u8]) -> Result<Self, Failure> {
        let member = new_member(crypto, identity)?;
        let (key_package, secrets) = KeyPackage::generate(crypto, member, lifetime(), &mut rng())?;
        Ok(Self {
            crypto,
            identity: identity.to_vec(),
            key_package,
            secrets,
        })
    }

    /// Enters the group that a Welcome describes.
    pub(crate) fn join(
        &self,
        (welcome, tree): (&[u8], &[u8]),
        predecessor: Option<&Group>,
        handshakes: WireFormat,
        psks: &Psks,
    ) -> Result<Group, Failure> {
        let own = OwnKeyPackage {
            key_package: &self.key_package,
            secrets: &self.secrets,
        };
        let options = JoinOptions {
            tree: wire::optional(tree),
            predecessor,
        };
        let (group, _delta) = Group::join(
            self.crypto,
            &wire::welcome(welcome)?,
            own,
            options,
            settings(handshakes),
            psks.services(),
        )?;
        Ok(group)
    }
}

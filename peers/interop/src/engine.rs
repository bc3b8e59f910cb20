//! The engines there are.

use crate::{Member, Outcome, Settings, folkmoot, mls_rs, openmls};
use core::fmt;

/// An implementation of RFC 9420.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// This project's.
    Folkmoot,
    /// `openmls` on `openmls_rust_crypto`.
    OpenMls,
    /// `mls-rs` on `mls-rs-crypto-rustcrypto`, or on `mls-rs-crypto-openssl` for suites that lacks.
    MlsRs,
}

/// Where an engine does less than RFC 9420 lets it, or not what it says: scripts keep clear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Does not open a late message once the sender's leaf is blank or somebody else's; its past
    /// epochs keep no credentials. RFC 9420 leaves it open.
    ForgetsFormerMembers,
    /// Of several waiting Updates it commits those too whose leaf another proposal of the list changes,
    /// though it does not apply them. RFC 9420 §12.2 calls such a list invalid.
    CommitsSupersededUpdates,
    /// Derives `psk_secret` with the commit's own pre-shared keys before those by reference, though
    /// it lists them after. RFC 9420 §12.4.2 wants the order of the list.
    OrdersOwnPsksFirst,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Folkmoot, Self::OpenMls, Self::MlsRs];

    /// A client of this engine with a fresh signature key.
    pub fn member(self, name: &str, settings: Settings) -> Outcome<Box<dyn Member>> {
        match self {
            Self::Folkmoot => folkmoot::member(name, settings),
            Self::OpenMls => openmls::member(name, settings),
            Self::MlsRs => mls_rs::member(name, settings),
        }
    }

    /// Whether the engine is known for it.
    pub fn has(self, quirk: Quirk) -> bool {
        match quirk {
            Quirk::ForgetsFormerMembers | Quirk::CommitsSupersededUpdates => self == Self::MlsRs,
            Quirk::OrdersOwnPsksFirst => self == Self::OpenMls,
        }
    }

    /// Whether the engine, on the cryptographic provider used here, has the cipher suite.
    pub fn has_suite(self, suite: u16) -> bool {
        match self {
            Self::Folkmoot => folkmoot::has_suite(suite),
            Self::OpenMls => openmls::has_suite(suite),
            Self::MlsRs => mls_rs::has_suite(suite),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Folkmoot => "folkmoot",
            Self::OpenMls => "openmls",
            Self::MlsRs => "mls-rs",
        })
    }
}

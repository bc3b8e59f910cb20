//! Credentials (RFC 9420 §5.3).

use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// A credential type's code point (RFC 9420 §17.5).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct CredentialType(pub u16);

impl CredentialType {
    /// An identity asserted by the client itself.
    pub const BASIC: Self = Self(1);
    /// A chain of X.509 certificates.
    pub const X509: Self = Self(2);
}

/// What binds a signature key to an identity. Believed only after the Authentication Service's yes.
/// Types beyond RFC 9420's are no credentials here (check 150).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u16)]
pub enum Credential {
    /// A bare identity.
    #[tls_codec(discriminant = 1)]
    Basic(VLBytes),
    /// DER certificates, the end entity first.
    #[tls_codec(discriminant = 2)]
    X509(Vec<VLBytes>),
}

impl Credential {
    /// The code point of this credential's type.
    pub fn credential_type(&self) -> CredentialType {
        match self {
            Self::Basic(_) => CredentialType::BASIC,
            Self::X509(_) => CredentialType::X509,
        }
    }
}

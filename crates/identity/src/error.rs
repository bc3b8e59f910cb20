//! Why certificates are refused, and why some cannot be issued.

use folkmoot_mls::Timestamp;
use thiserror::Error;

use crate::name::ProviderDomain;

/// Why a certificate, a certification request, a credential or a session proof is refused.
///
/// The fault is with whoever made it, except for [`Self::Expired`] and [`Self::NotYetValid`], where
/// it may be a local clock.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Longer than [`MAX_CERTIFICATE`](crate::MAX_CERTIFICATE).
    #[error("the certificate or request is longer than is accepted")]
    TooLarge,
    /// Not exactly one certificate or request in DER: truncated, followed by more, or not canonical.
    #[error("not exactly one certificate or request in canonical DER")]
    Malformed,
    /// A key or signature of another algorithm than Ed25519.
    #[error("a key or signature is not Ed25519")]
    Algorithm,
    /// A critical extension that this version does not know (RFC 5280 §4.2).
    #[error("the certificate has a critical extension that is not known here")]
    UnknownExtension,
    /// An end entity stands where an authority must (RFC 5280 §4.2.1.9).
    #[error("an end-entity certificate is used as a certificate authority")]
    NotAuthority,
    /// An authority, such as a device certificate, stands where an end entity must.
    #[error("a certificate authority, such as a device, is used as an end entity")]
    NotEndEntity,
    /// The authority may have more or fewer authorities below it than its place in the chain allows.
    #[error("the certificate's path length does not fit its place in the chain")]
    PathLength,
    /// The key usage does not fit the certificate's place in the chain (RFC 5280 §4.2.1.3).
    #[error("the certificate's key usage does not fit its place in the chain")]
    KeyUsage,
    /// The alternative names are not the ones that this kind of certificate has.
    #[error("the certificate's alternative names are not those of its kind")]
    Names,
    /// The end entity bears other names than the device that signed it.
    #[error("the end entity bears other names than the device that signed it")]
    NamesDiffer,
    /// The names belong to another provider than the trust anchors do.
    #[error("the names belong to {found}, the trust anchors to {expected}")]
    WrongDomain {
        /// The domain of the trust anchors.
        expected: ProviderDomain,
        /// The domain of the names.
        found: ProviderDomain,
    },
    /// No trusted certificate bears the name of the issuer.
    #[error("the certificate's issuer is not trusted")]
    UnknownIssuer,
    /// A signature does not verify.
    #[error("a signature is not valid")]
    Signature,
    /// Some certificate of the chain begins to be valid later.
    #[error("a certificate is not valid before {}", not_before.0)]
    NotYetValid {
        /// When it begins to be valid.
        not_before: Timestamp,
    },
    /// Some certificate of the chain is valid no more.
    #[error("a certificate has expired at {}", not_after.0)]
    Expired {
        /// The last moment at which it was valid.
        not_after: Timestamp,
    },
    /// The validity of an issuing CA reaches beyond its root's, or ends before it begins.
    #[error("the validity is empty or reaches beyond the issuer's")]
    Validity,
    /// The certificate is for another key than the one it was presented with (RFC 9420 §5.3).
    #[error("the certificate is for another key")]
    WrongKey,
    /// Not an X.509 credential of exactly an end entity and its device.
    #[error("the credential is not an end-entity certificate followed by its device certificate")]
    Chain,
    /// Too many issuing certificates, or none.
    #[error("the provider presents no issuing certificate or too many")]
    IssuingCount,
    /// Another rule of RFC 5280 §6 is broken.
    #[error("the certificate path is not valid: {0}")]
    Path(String),
}

/// Why a certificate cannot be issued. The fault is with the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IssueError {
    /// The wanted validity has no moment in common with the issuer's, or lies past the year 9999.
    #[error("the issuer is not valid at any moment of the wanted validity; renew it first")]
    Validity,
    /// A key does not belong to the certificate it was given with.
    #[error("the private key does not belong to the certificate")]
    WrongKey,
    /// The subject's names belong to another provider.
    #[error("the names belong to {found}, the issuer to {expected}")]
    WrongDomain {
        /// The issuer's domain.
        expected: ProviderDomain,
        /// The domain of the names.
        found: ProviderDomain,
    },
    /// The issuer's own certificate, or the key to certify, is not usable.
    #[error("a certificate is not usable: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate could not be encoded or signed.
    #[error("the certificate could not be made: {0}")]
    Encoding(String),
}

/// A stored private key that does not decode, or whose halves do not belong together. Our fault or
/// the storage's; the key is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stored private key is damaged")]
pub struct DamagedKey;

impl From<rcgen::Error> for IssueError {
    fn from(error: rcgen::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

//! Who someone is in Folkmoot: the names of providers, users and devices, and the X.509 certificates that
//! bind keys to them.
//!
//! Names are MIMI URIs, parsed once and strictly. A provider's root signs issuing CAs; an issuing CA
//! signs device certificates; a device, itself a CA of path length 0, signs one end-entity certificate per
//! MLS leaf. A credential is that end entity and its device certificate. Everything is Ed25519.
//!
//! ```
//! use folkmoot_crypto::suite_one;
//! use folkmoot_identity::{
//!     CertificateRequest, DeviceKey, RootAuthority, Timestamp, Validity, VerifiedCredential,
//!     issue_leaf_credential,
//! };
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
//! let now = Timestamp(1_750_000_000);
//! let day = Validity::from_now(now, 86_400);
//!
//! // The provider, once.
//! let root = RootAuthority::create(&"example.org".parse()?, day, &mut rng)?;
//! let issuing = root.create_issuing(day, &mut rng)?;
//!
//! // A device asks, the provider issues.
//! let device_key = DeviceKey::generate(&mut rng);
//! let request = device_key.certificate_request(&"mimi://example.org/d/alice/phone".parse()?)?;
//! let request = CertificateRequest::verify(&request)?;
//! let device = issuing.issue_device(&request, day, &mut rng)?;
//!
//! // The device certifies a leaf key, and anybody who trusts the provider verifies it.
//! let leaf = suite_one().generate_signature_key_pair(&mut rng)?;
//! let credential = issue_leaf_credential(&device_key, &device, &leaf.public, day, &mut rng)?;
//! let verified = VerifiedCredential::verify(&credential, issuing.anchors(), Some(now))?;
//! assert_eq!(verified.device().user().to_string(), "mimi://example.org/u/alice");
//! assert_eq!(verified.signature_key(), leaf.public);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod anchors;
mod authenticator;
mod certificate;
mod credential;
mod device;
mod error;
mod issue;
mod key;
mod name;
mod provider;
mod request;
mod session;
mod validity;

pub use anchors::{MAX_ISSUING, TrustAnchors};
pub use authenticator::X509Authenticator;
pub use certificate::MAX_CERTIFICATE;
pub use credential::{VerifiedCredential, issue_leaf_credential, named_device};
pub use device::DeviceCertificate;
pub use error::{CertificateError, DamagedKey, IssueError};
pub use folkmoot_mls::Timestamp;
pub use key::DeviceKey;
pub use name::{
    DeviceName, MAX_DOMAIN, MAX_NAME_PART, MAX_URI, NameError, ProviderDomain, UserName,
};
pub use provider::{IssuingAuthority, RootAuthority};
pub use request::CertificateRequest;
pub use session::SessionProof;
pub use validity::{CLOCK_SKEW, Validity};

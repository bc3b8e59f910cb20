//! What a device says before it has a session: who the provider is, registration, proof of its key.

use std::fmt;

use folkmoot_identity::{DeviceName, ProviderDomain};
use folkmoot_mls::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::{
    MAX_CERTIFICATE, MAX_CERTIFICATE_REQUEST, MAX_CHALLENGE, MAX_INVITE, MAX_ISSUING, MAX_TOKEN,
};
use crate::text::bounded_text;
use crate::{Bytes, List, ReceiptPublicKey, number};

/// One certificate in DER.
pub type CertificateDer = Bytes<MAX_CERTIFICATE>;

/// Answer of `GET /v1/provider`: what a client needs to know before it trusts anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderInfo {
    /// The authority of all names that this provider issues.
    pub domain: ProviderDomain,
    /// The provider's root certificate.
    pub root: CertificateDer,
    /// The certificates of its issuing CAs, each signed by the root.
    pub issuing: List<CertificateDer, MAX_ISSUING>,
    /// The key that verifies receipts of its Delivery Service.
    pub receipt_key: ReceiptPublicKey,
    /// Who may register.
    pub registration: RegistrationPolicy,
}

/// Who may register a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationPolicy {
    /// Anyone.
    Open,
    /// Whoever holds an unused invite code.
    Invite,
}

bounded_text! {
    /// An invite code: 1 to [`MAX_INVITE`] of the characters `A-Z a-z 0-9 - _ .`.
    InviteCode: MAX_INVITE;
    /// A bearer token: 1 to [`MAX_TOKEN`] of the characters `A-Z a-z 0-9 - _ .`.
    SessionToken: MAX_TOKEN;
}

/// Body of `POST /v1/devices`.
///
/// The same name with the same key gets a certificate again; with another key it is `name-taken`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The name that is asked for; it names user and device.
    pub device: DeviceName,
    /// PKCS#10 in DER for the device's own key, naming the device and its user.
    pub request: Bytes<MAX_CERTIFICATE_REQUEST>,
    /// Needed where registration is by invite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<InviteCode>,
}

/// Answer to [`Register`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// The device certificate: a CA of path length 0 that signs the device's leaf certificates.
    pub certificate: CertificateDer,
}

/// Answer of `POST /v1/session/challenge`: to be signed by the device key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Opaque to the client.
    pub challenge: Bytes<MAX_CHALLENGE>,
}

/// Body of `POST /v1/session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The device's certificate.
    pub certificate: CertificateDer,
    /// The challenge as it was given.
    pub challenge: Bytes<MAX_CHALLENGE>,
    /// The device key's signature that the identity crate defines.
    pub signature: crate::Signature,
}

/// Answer to [`OpenSession`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Goes into `Authorization: Bearer …`.
    pub token: SessionToken,
    /// When the token stops working.
    #[serde(with = "number::time")]
    pub expires: Timestamp,
}

//! A provider's own authorities: its root, which stays offline, and the CAs that issue device
//! certificates.

use folkmoot_crypto::Secret;
use rand_core::CryptoRng;

use crate::anchors::{
    ISSUING_PATH_LENGTH, ROOT_PATH_LENGTH, TrustAnchors, verify_issuing, verify_root,
};
use crate::certificate::ParsedCertificate;
use crate::device::DeviceCertificate;
use crate::error::{CertificateError, IssueError};
use crate::issue::{Subject, authority_name, self_signed, signed_by};
use crate::key::{KeyPair, PublicKey};
use crate::name::ProviderDomain;
use crate::request::CertificateRequest;
use crate::validity::Validity;

/// The root of a provider, with its private key.
#[derive(Clone, Debug)]
pub struct RootAuthority {
    domain: ProviderDomain,
    key: KeyPair,
    der: Vec<u8>,
    validity: Validity,
}

impl RootAuthority {
    /// A new root for `domain` with a fresh key.
    pub fn create(
        domain: &ProviderDomain,
        validity: Validity,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, IssueError> {
        let key = KeyPair::generate(rng);
        let subject = Subject::Provider {
            domain,
            path_length: ROOT_PATH_LENGTH,
        };
        let der = self_signed(&subject, validity, &key, rng)?;
        Ok(Self {
            domain: domain.clone(),
            key,
            der,
            validity,
        })
    }

    /// The root that was stored as `key` and `der`.
    pub fn open(key: &Secret, der: &[u8]) -> Result<Self, IssueError> {
        let domain = ParsedCertificate::decode(der)?.domain()?;
        let root = verify_root(&domain, der)?;
        let key = open_key(key, &root)?;
        Ok(Self {
            domain,
            key,
            der: der.to_vec(),
            validity: root.validity,
        })
    }

    /// A new issuing CA with a fresh key, valid no longer than the root.
    pub fn create_issuing(
        &self,
        validity: Validity,
        rng: &mut dyn CryptoRng,
    ) -> Result<IssuingAuthority, IssueError> {
        let key = KeyPair::generate(rng);
        let subject = Subject::Provider {
            domain: &self.domain,
            path_length: ISSUING_PATH_LENGTH,
        };
        let validity = validity.cut_to(self.validity)?;
        let der = signed_by(&subject, validity, &key, &self.key, rng)?;
        IssuingAuthority::open(&key.to_secret(), &der, &self.der)
    }

    /// The root certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The private key as [`Self::open`] wants it.
    pub fn key(&self) -> Secret {
        self.key.to_secret()
    }
}

/// An issuing CA, with its private key: signs the certificates of the provider's devices.
#[derive(Clone, Debug)]
pub struct IssuingAuthority {
    key: KeyPair,
    der: Vec<u8>,
    root_der: Vec<u8>,
    validity: Validity,
    anchors: TrustAnchors,
}

impl IssuingAuthority {
    /// The issuing CA that was stored as `key` and `der`, under the root certificate `root`.
    pub fn open(key: &Secret, der: &[u8], root: &[u8]) -> Result<Self, IssueError> {
        let domain = ParsedCertificate::decode(root)?.domain()?;
        let issuing = verify_issuing(&domain, &verify_root(&domain, root)?, der)?;
        Ok(Self {
            key: open_key(key, &issuing)?,
            der: der.to_vec(),
            root_der: root.to_vec(),
            validity: issuing.validity,
            anchors: TrustAnchors::new(domain, root, &[der.to_vec()])?,
        })
    }

    /// Certifies the key of a verified request, no longer than this CA itself is valid.
    ///
    /// Whether the requester may have the name has been decided by the caller.
    pub fn issue_device(
        &self,
        request: &CertificateRequest,
        validity: Validity,
        rng: &mut dyn CryptoRng,
    ) -> Result<DeviceCertificate, IssueError> {
        let (expected, found) = (self.anchors.domain(), request.device().domain());
        if expected != found {
            return Err(IssueError::WrongDomain {
                expected: expected.clone(),
                found: found.clone(),
            });
        }
        let validity = validity.cut_to(self.validity)?;
        let subject = Subject::Device(request.device());
        let key = PublicKey::new(request.public_key())?;
        let der = signed_by(&subject, validity, &key, &self.key, rng)?;
        Ok(DeviceCertificate::verify(
            &der,
            &self.anchors,
            validity.not_before(),
        )?)
    }

    /// The issuing certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The root certificate in DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root_der
    }

    /// The private key as [`Self::open`] wants it.
    pub fn key(&self) -> Secret {
        self.key.to_secret()
    }

    /// When the issuing certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The anchors that verify what this CA issues.
    pub fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }
}

/// Checks that key and certificate belong together, and that the certificate bears the name that
/// this crate signs with.
fn open_key(key: &Secret, certificate: &ParsedCertificate) -> Result<KeyPair, IssueError> {
    let key = KeyPair::from_secret(key).map_err(|_| IssueError::WrongKey)?;
    key.belongs_to(&certificate.public_key)?;
    if !certificate.is_called(&authority_name(key.public())) {
        return Err(CertificateError::UnknownIssuer.into());
    }
    Ok(key)
}

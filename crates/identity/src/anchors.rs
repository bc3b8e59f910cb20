//! What a client trusts of one provider: its root, and the issuing CAs that the root signed.

use folkmoot_mls::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;

use crate::certificate::ParsedCertificate;
use crate::error::CertificateError;
use crate::name::ProviderDomain;
use crate::validity::Validity;

/// Most issuing CAs of one provider at a time.
pub const MAX_ISSUING: usize = 8;

/// CAs that may follow a root, an issuing CA and a device in a chain: issuing and device; device;
/// none.
pub(crate) const ROOT_PATH_LENGTH: u8 = 2;
pub(crate) const ISSUING_PATH_LENGTH: u8 = 1;
pub(crate) const DEVICE_PATH_LENGTH: u8 = 0;

/// The issuing CAs of one provider, each verified against the provider's root.
///
/// They are the anchors of credential chains, so that a credential carries two certificates only.
#[derive(Clone, Debug)]
pub struct TrustAnchors {
    domain: ProviderDomain,
    issuing: Vec<ParsedCertificate>,
    /// The same certificates, in the same order, as webpki wants them.
    anchors: Vec<TrustAnchor<'static>>,
}

impl TrustAnchors {
    /// Verifies the `issuing` certificates (DER, 1 to [`MAX_ISSUING`]) against `root`, and that root
    /// and all of them are for `domain`.
    ///
    /// The caller vouches for `root`: pinned, or learnt over an authenticated channel.
    pub fn new(
        domain: ProviderDomain,
        root: &[u8],
        issuing: &[Vec<u8>],
    ) -> Result<Self, CertificateError> {
        if !(1..=MAX_ISSUING).contains(&issuing.len()) {
            return Err(CertificateError::IssuingCount);
        }
        let root = verify_root(&domain, root)?;
        let mut verified = Self {
            domain,
            issuing: Vec::new(),
            anchors: Vec::new(),
        };
        for der in issuing {
            let certificate = verify_issuing(&verified.domain, &root, der)?;
            let der = CertificateDer::from(der.as_slice());
            let anchor = anchor_from_trusted_cert(&der).map_err(|e| path_error(&e))?;
            verified.anchors.push(anchor.to_owned());
            verified.issuing.push(certificate);
        }
        Ok(verified)
    }

    /// The provider that these anchors speak for.
    pub fn domain(&self) -> &ProviderDomain {
        &self.domain
    }

    pub(crate) fn webpki(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Verifies that one of the issuing CAs, itself valid at `at`, signed the certificate.
    pub(crate) fn check_issued(
        &self,
        certificate: &ParsedCertificate,
        at: Timestamp,
    ) -> Result<(), CertificateError> {
        let issuers = self
            .issuing
            .iter()
            .filter(|issuing| certificate.has_issuer(issuing));
        any_of(issuers.map(|issuing| {
            certificate
                .check_signature(issuing)
                .and_then(|()| issuing.validity.check(at))
        }))
    }

    /// Checks the validity of the anchor that a path ended in, which webpki leaves to its caller. A
    /// renewed CA may keep name and key; then it is enough that one of its certificates is valid. Gives
    /// that one's validity.
    pub(crate) fn check_anchor(
        &self,
        anchor: &TrustAnchor<'_>,
        at: Timestamp,
    ) -> Result<Validity, CertificateError> {
        let same_ca = |other: &TrustAnchor<'_>| {
            other.subject == anchor.subject
                && other.subject_public_key_info == anchor.subject_public_key_info
        };
        let certificates = self.anchors.iter().zip(&self.issuing);
        let certificates = certificates.filter(|(other, _certificate)| same_ca(other));
        any_of(certificates.map(|(_anchor, certificate)| {
            let validity = certificate.validity;
            validity.check(at).map(|()| validity)
        }))
    }

    pub(crate) fn check_domain(&self, found: &ProviderDomain) -> Result<(), CertificateError> {
        check_domain(&self.domain, found)
    }
}

/// A root: signed by itself, for `domain`.
pub(crate) fn verify_root(
    domain: &ProviderDomain,
    der: &[u8],
) -> Result<ParsedCertificate, CertificateError> {
    let root = ParsedCertificate::decode(der)?;
    root.check_authority(ROOT_PATH_LENGTH)?;
    check_domain(domain, &root.domain()?)?;
    if !root.has_issuer(&root) {
        return Err(CertificateError::UnknownIssuer);
    }
    root.check_signature(&root)?;
    Ok(root)
}

/// An issuing CA: signed by `root`, for the same domain, valid only while the root is.
pub(crate) fn verify_issuing(
    domain: &ProviderDomain,
    root: &ParsedCertificate,
    der: &[u8],
) -> Result<ParsedCertificate, CertificateError> {
    let issuing = ParsedCertificate::decode(der)?;
    issuing.check_authority(ISSUING_PATH_LENGTH)?;
    check_domain(domain, &issuing.domain()?)?;
    if !issuing.has_issuer(root) {
        return Err(CertificateError::UnknownIssuer);
    }
    issuing.check_signature(root)?;
    if !issuing.validity.is_within(root.validity) {
        return Err(CertificateError::Validity);
    }
    Ok(issuing)
}

/// Success if there is one, else the last refusal.
fn any_of<T>(
    verdicts: impl Iterator<Item = Result<T, CertificateError>>,
) -> Result<T, CertificateError> {
    let mut refusal = CertificateError::UnknownIssuer;
    for verdict in verdicts {
        match verdict {
            Ok(found) => return Ok(found),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn check_domain(expected: &ProviderDomain, found: &ProviderDomain) -> Result<(), CertificateError> {
    if expected == found {
        return Ok(());
    }
    Err(CertificateError::WrongDomain {
        expected: expected.clone(),
        found: found.clone(),
    })
}

/// Gives webpki's verdicts the names that this crate has for them.
pub(crate) fn path_error(error: &webpki::Error) -> CertificateError {
    match error {
        webpki::Error::BadDer | webpki::Error::TrailingData(_) => CertificateError::Malformed,
        webpki::Error::CaUsedAsEndEntity => CertificateError::NotEndEntity,
        webpki::Error::EndEntityUsedAsCa => CertificateError::NotAuthority,
        webpki::Error::PathLenConstraintViolated => CertificateError::PathLength,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::InvalidSignatureForPublicKey => CertificateError::Signature,
        webpki::Error::UnsupportedCriticalExtension => CertificateError::UnknownExtension,
        webpki::Error::CertExpired { not_after, .. } => CertificateError::Expired {
            not_after: Timestamp(not_after.as_secs()),
        },
        webpki::Error::CertNotValidYet { not_before, .. } => CertificateError::NotYetValid {
            not_before: Timestamp(not_before.as_secs()),
        },
        other => CertificateError::Path(other.to_string()),
    }
}

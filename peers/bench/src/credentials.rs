//! Who the members of a measured group are, and who vouches for them.

use crate::engine::Failure;
use folkmoot_crypto::{Crypto, SignatureKeyPair};
use folkmoot_identity::{
    CertificateRequest, DeviceKey, IssuingAuthority, RootAuthority, Validity, X509Authenticator,
    issue_leaf_credential,
};
use folkmoot_mls::{
    AuthenticationService, ClientId, Credential, CredentialRejected, Lifetime, Member, Timestamp,
};
use rand_core::CryptoRng;

const DOMAIN: &str = "bench.example";

/// What binds a member's signature key to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum CredentialKind {
    /// The name alone
    Basic,
    /// A device certificate and an end entity, under one issuing CA that all have
    X509,
}

impl CredentialKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::X509 => "x509",
        }
    }

    /// Certificates in a credential, which are seen for the first time with it.
    pub(crate) fn certificates(self) -> usize {
        match self {
            Self::Basic => 0,
            Self::X509 => 2,
        }
    }
}

/// Makes members, and authenticates what it made.
pub(crate) enum Credentials {
    Basic,
    X509(Box<Provider>),
}

/// A provider: its root is offline, its issuing CA certifies devices.
pub(crate) struct Provider {
    issuing: IssuingAuthority,
    authenticator: X509Authenticator,
    validity: Validity,
}

impl Credentials {
    /// Certificates are valid for `lifetime`.
    pub(crate) fn new(
        kind: CredentialKind,
        lifetime: Lifetime,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Failure> {
        if kind == CredentialKind::Basic {
            return Ok(Self::Basic);
        }
        let validity = Validity::new(lifetime.not_before, lifetime.not_after)
            .ok_or_else(|| Failure::new("a lifetime that ends before it begins"))?;
        let domain = DOMAIN.parse().map_err(Failure::new)?;
        let root = RootAuthority::create(&domain, validity, rng).map_err(Failure::new)?;
        let issuing = root.create_issuing(validity, rng).map_err(Failure::new)?;
        Ok(Self::X509(Box::new(Provider {
            authenticator: X509Authenticator::new(issuing.anchors().clone()),
            issuing,
            validity,
        })))
    }

    pub(crate) fn kind(&self) -> CredentialKind {
        match self {
            Self::Basic => CredentialKind::Basic,
            Self::X509(_) => CredentialKind::X509,
        }
    }

    pub(crate) fn authentication(&self) -> &dyn AuthenticationService {
        match self {
            Self::Basic => &Names,
            Self::X509(provider) => &provider.authenticator,
        }
    }

    /// A member with fresh keys; `name` in small letters, digits and `-`.
    pub(crate) fn member(
        &self,
        crypto: &dyn Crypto,
        name: &str,
        rng: &mut dyn CryptoRng,
    ) -> Result<Member, Failure> {
        let signature = crypto.generate_signature_key_pair(rng)?;
        let credential = match self {
            Self::Basic => Credential::Basic(name.as_bytes().into()),
            Self::X509(provider) => provider.certify(name, &signature, rng)?,
        };
        Ok(Member::new(credential, signature))
    }
}

impl Provider {
    /// As for a device that registers and then makes a leaf key.
    fn certify(
        &self,
        name: &str,
        signature: &SignatureKeyPair,
        rng: &mut dyn CryptoRng,
    ) -> Result<Credential, Failure> {
        let device = format!("mimi://{DOMAIN}/d/{name}/phone").parse();
        let key = DeviceKey::generate(rng);
        let request = key.certificate_request(&device.map_err(Failure::new)?);
        let request = CertificateRequest::verify(&request.map_err(Failure::new)?);
        let request = request.map_err(Failure::new)?;
        let issued = self.issuing.issue_device(&request, self.validity, rng);
        let device = issued.map_err(Failure::new)?;
        issue_leaf_credential(&key, &device, &signature.public, self.validity, rng)
            .map_err(Failure::new)
    }
}

/// Vouches for every basic credential; a client is who its identity says.
struct Names;

impl AuthenticationService for Names {
    fn validate(
        &self,
        credential: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        match credential {
            Credential::Basic(_) => Ok(()),
            Credential::X509(_) => Err(CredentialRejected("not a basic credential".into())),
        }
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        match credential {
            Credential::Basic(name) => Some(ClientId::new(name.as_slice())),
            Credential::X509(_) => None,
        }
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

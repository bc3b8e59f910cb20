//! The account: provider, registration, sessions, key packages.

use folkmoot_crypto::{Secret, suite_one};
use folkmoot_identity::{
    DeviceCertificate, DeviceKey, DeviceName, SessionProof, Timestamp, TrustAnchors, Validity,
    X509Authenticator, issue_leaf_credential,
};
use folkmoot_mls::{ExtensionType, KeyPackage, Lifetime, Member, Supported};
use folkmoot_protocol::bounds::{KEY_PACKAGE_LIFETIME, KEY_PACKAGES_PER_UPLOAD};
use folkmoot_protocol::{
    GROUP_NAME_EXTENSION, JoinAddress, KeyPackagesAvailable, OpenSession, Problem, ProblemCode,
    ProviderInfo, Register, Registered, SLOT_SECRET_EXTENSION, Signature, UploadKeyPackages,
};
use folkmoot_store::client::{Account, ClientChange, ClientChanges, ClientStore, KeyPackageRow};
use rand_core::CryptoRng;
use tls_codec::Serialize;

use super::{Core, Request, Step};
use crate::error::Error;

/// Key packages that the provider shall have of this device.
const KEY_PACKAGES_WANTED: u64 = 20;

/// A session is renewed this many seconds before it ends.
const SESSION_MARGIN: u64 = 30;

/// Who this device is, as far as it is known yet.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) device: DeviceName,
    pub(super) key: DeviceKey,
    pub(super) address: JoinAddress,
    pub(super) provider: Option<Provider>,
    pub(super) certificate: Option<DeviceCertificate>,
}

/// What the provider said of itself, verified.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) info: ProviderInfo,
    pub(super) authenticator: X509Authenticator,
}

impl Provider {
    fn verify(info: ProviderInfo) -> Result<Self, Error> {
        let issuing: Vec<Vec<u8>> = info.issuing.iter().map(|der| der.to_vec()).collect();
        let anchors = TrustAnchors::new(info.domain.clone(), &info.root, &issuing)
            .map_err(|error| forged(format!("the provider's certificates: {error}")))?;
        Ok(Self {
            info,
            authenticator: X509Authenticator::new(anchors),
        })
    }
}

fn forged(what: String) -> Error {
    Error::Forged { what }
}

impl<S: ClientStore> Core<S> {
    /// Begins a profile: a device key under a name that is still to be registered. The key of an
    /// earlier attempt with the same name stays, because the provider may have certified it.
    pub fn create_account(
        &mut self,
        address: &JoinAddress,
        device: DeviceName,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let kept = self.store.account()?.filter(|kept| kept.device == device);
        let fresh = || DeviceKey::generate(rng).to_secret();
        let account = Account {
            address: address.to_string(),
            device,
            device_key: kept.map_or_else(fresh, |kept| kept.device_key),
            provider: None,
            certificate: None,
        };
        self.apply(vec![ClientChange::PutAccount(account)])?;
        self.load_identity()
    }

    pub(super) fn load_identity(&mut self) -> Result<(), Error> {
        let Some(account) = self.store.account()? else {
            return Ok(());
        };
        let damaged = |what: String| Error::Internal(format!("the account is damaged: {what}"));
        let key =
            DeviceKey::from_secret(&account.device_key).map_err(|e| damaged(e.to_string()))?;
        let address: JoinAddress = account
            .address
            .parse()
            .map_err(|_| damaged("the provider's address".into()))?;
        let provider = match &account.provider {
            Some(bytes) => {
                let info = folkmoot_protocol::decode(bytes).map_err(|e| damaged(e.to_string()))?;
                Some(Provider::verify(info)?)
            }
            None => None,
        };
        let certificate = match (&account.certificate, &provider) {
            (Some(der), Some(provider)) => {
                let anchors = provider.authenticator.anchors();
                Some(DeviceCertificate::reopen(der, anchors).map_err(|e| damaged(e.to_string()))?)
            }
            _ => None,
        };
        self.identity = Some(Identity {
            device: account.device,
            key,
            address,
            provider,
            certificate,
        });
        Ok(())
    }

    /// This device's name, once there is an account.
    pub fn device(&self) -> Option<&DeviceName> {
        self.identity.as_ref().map(|identity| &identity.device)
    }

    /// The provider's join address.
    pub fn address(&self) -> Option<&JoinAddress> {
        self.identity.as_ref().map(|identity| &identity.address)
    }

    /// The device's public key.
    pub fn device_public_key(&self) -> Option<&[u8]> {
        self.identity.as_ref().map(|identity| identity.key.public())
    }

    /// Whether the provider has certified this device.
    pub fn is_registered(&self) -> bool {
        self.identity
            .as_ref()
            .is_some_and(|identity| identity.certificate.is_some())
    }

    pub(super) fn identity(&self) -> Result<&Identity, Error> {
        self.identity
            .as_ref()
            .ok_or_else(|| Error::Internal("there is no account".into()))
    }

    pub(super) fn provider(&self) -> Result<&Provider, Error> {
        let unknown = || Error::Internal("the provider is not known yet".into());
        self.identity()?.provider.as_ref().ok_or_else(unknown)
    }

    /// What must be known and done before anything else can be asked.
    pub(super) fn account_request(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<(Step, Request)>, Error> {
        let identity = self.identity()?;
        if identity.provider.is_none() {
            return Ok(Some((Step::Provider, Request::Provider)));
        }
        let certificate = identity.certificate.as_ref();
        let Some(certificate) = certificate.filter(|held| self.round.renewed || !is_due(held, now))
        else {
            return Ok(Some((
                Step::Register,
                Request::Register(registration(identity)?),
            )));
        };
        let open = self.session.as_ref();
        if open.is_some_and(|session| session.expires.0 > now.0.saturating_add(SESSION_MARGIN)) {
            return Ok(None);
        }
        let Some(challenge) = self.challenge.clone() else {
            return Ok(Some((Step::Challenge, Request::Challenge)));
        };
        let domain = &self.provider()?.info.domain;
        let proof = SessionProof {
            domain,
            challenge: &challenge.challenge,
        };
        let signature = identity.key.sign_session(&proof);
        let request = OpenSession {
            certificate: bounded(certificate.der())?,
            challenge: challenge.challenge.clone(),
            signature: Signature::try_from(signature.as_slice())
                .map_err(|_| Error::Internal("a signature of another length".into()))?,
        };
        // A challenge is good for one session; where this one fails, another is asked for.
        self.challenge = None;
        Ok(Some((Step::OpenSession, Request::OpenSession(request))))
    }

    pub(super) fn token(&self) -> Result<folkmoot_protocol::SessionToken, Error> {
        let session = self.session.as_ref();
        let none = || Error::Internal("there is no session".into());
        session
            .map(|session| session.token.clone())
            .ok_or_else(none)
    }

    pub(super) fn learn_provider(&mut self, info: ProviderInfo) -> Result<(), Error> {
        let identity = self.identity()?;
        if info.domain != *identity.address.domain() {
            return Err(forged(format!(
                "the provider calls itself {}, the join address says {}",
                info.domain,
                identity.address.domain()
            )));
        }
        let encoded = folkmoot_protocol::encode(&info);
        Provider::verify(info)?;
        self.change_account(|account| account.provider = Some(encoded))
    }

    pub(super) fn registered(&mut self, answer: &Registered, now: Timestamp) -> Result<(), Error> {
        let anchors = self.provider()?.authenticator.anchors();
        let certificate = DeviceCertificate::verify(&answer.certificate, anchors, now)
            .map_err(|error| forged(format!("the device certificate: {error}")))?;
        let identity = self.identity()?;
        if *certificate.device() != identity.device
            || certificate.public_key() != identity.key.public()
        {
            return Err(forged(
                "the device certificate is for another device".into(),
            ));
        }
        let der = certificate.der().to_vec();
        self.round.renewed = true;
        self.change_account(|account| account.certificate = Some(der))
    }

    fn change_account(&mut self, change: impl FnOnce(&mut Account)) -> Result<(), Error> {
        let account = self.store.account()?;
        let mut account = account.ok_or_else(|| Error::Internal("there is no account".into()))?;
        change(&mut account);
        self.apply(vec![ClientChange::PutAccount(account)])?;
        self.load_identity()
    }

    pub(super) fn registration_refused(&self, problem: Problem) -> Error {
        let name = self.device().map(ToString::to_string).unwrap_or_default();
        match problem.code {
            ProblemCode::NameTaken => Error::NameTaken { name },
            ProblemCode::InviteRefused => Error::InviteRefused {
                detail: problem.detail,
            },
            _ => Error::Refused(problem),
        }
    }

    /// A certificate for a fresh leaf signature key, to be in groups with.
    pub(super) fn new_member(
        &self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Member, Lifetime), Error> {
        let identity = self.identity()?;
        let missing = || Error::Internal("the device is not registered".into());
        let certificate = identity.certificate.as_ref().ok_or_else(missing)?;
        let internal = |error: &dyn core::fmt::Display| Error::Internal(error.to_string());
        let signature = suite_one()
            .generate_signature_key_pair(rng)
            .map_err(|error| internal(&error))?;
        let validity = Validity::from_now(now, KEY_PACKAGE_LIFETIME);
        let credential =
            issue_leaf_credential(&identity.key, certificate, &signature.public, validity, rng)
                .map_err(|error| internal(&error))?;
        let not_after = validity.not_after().min(certificate.validity().not_after());
        // A lifetime longer than what peers accept would make the package useless.
        let span = not_after
            .0
            .min(now.0.saturating_add(KEY_PACKAGE_LIFETIME - SESSION_MARGIN));
        let not_before = Timestamp(now.0.saturating_sub(SESSION_MARGIN));
        let lifetime = Lifetime {
            not_before,
            not_after: Timestamp(span),
        };
        let supports = Supported {
            extensions: vec![
                ExtensionType(SLOT_SECRET_EXTENSION),
                ExtensionType(GROUP_NAME_EXTENSION),
            ],
            ..Supported::default()
        };
        Ok((
            Member::new(credential, signature).supporting(supports),
            lifetime,
        ))
    }

    /// Keeps the provider supplied with key packages.
    pub(super) fn key_package_request(
        &mut self,
        _now: Timestamp,
        _rng: &mut dyn CryptoRng,
    ) -> Result<Option<(Step, Request)>, Error> {
        let waiting = self.store.key_packages_to_upload(KEY_PACKAGES_PER_UPLOAD)?;
        if !waiting.is_empty() {
            let references = waiting.iter().map(|row| row.reference.clone()).collect();
            let packages: Result<Vec<_>, Error> =
                waiting.iter().map(|row| bounded(&row.package)).collect();
            let packages = packages?
                .try_into()
                .map_err(|_| Error::Internal("too many key packages at once".into()))?;
            let request = Request::UploadKeyPackages(self.token()?, UploadKeyPackages { packages });
            return Ok(Some((Step::Upload(references), request)));
        }
        if self.round.counted {
            return Ok(None);
        }
        Ok(Some((
            Step::Count,
            Request::CountKeyPackages(self.token()?),
        )))
    }

    /// Makes what is missing; it is uploaded with the next request.
    pub(super) fn counted_key_packages(
        &mut self,
        count: KeyPackagesAvailable,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let mut changes: ClientChanges = Vec::new();
        if count.available < KEY_PACKAGES_WANTED / 2 {
            changes.push(ClientChange::EraseKeyPackages {
                expired_before: now,
            });
            for _ in count.available..KEY_PACKAGES_WANTED {
                changes.push(ClientChange::PutKeyPackage(self.new_key_package(now, rng)?));
            }
        }
        self.apply(changes)?;
        self.round.counted = true;
        Ok(())
    }

    fn new_key_package(
        &self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<KeyPackageRow, Error> {
        let crypto = suite_one();
        let (member, lifetime) = self.new_member(now, rng)?;
        let (package, secrets) = KeyPackage::generate(crypto, member, lifetime, rng)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let secrets = secrets.tls_serialize_detached().expect("keys are short");
        Ok(KeyPackageRow {
            reference: package.reference(crypto).0.as_slice().to_vec(),
            package: package.to_message().encode(),
            secrets: Some(Secret::from(secrets)),
            expires: lifetime.not_after,
            uploaded: false,
        })
    }

    pub(super) fn uploaded(&mut self, references: &[Vec<u8>]) -> Result<(), Error> {
        let mut changes: ClientChanges = Vec::new();
        for reference in references {
            if let Some(row) = self.store.key_package(reference)? {
                changes.push(ClientChange::PutKeyPackage(KeyPackageRow {
                    uploaded: true,
                    ..row
                }));
            }
        }
        self.apply(changes)
    }
}

/// Whether less than a third of a certificate's time is left. The provider renews from half on.
fn is_due(certificate: &DeviceCertificate, now: Timestamp) -> bool {
    let (begin, end) = (
        certificate.validity().not_before().0,
        certificate.validity().not_after().0,
    );
    end.saturating_sub(now.0) < end.saturating_sub(begin) / 3
}

fn registration(identity: &Identity) -> Result<Register, Error> {
    let request = identity
        .key
        .certificate_request(&identity.device)
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Register {
        device: identity.device.clone(),
        request: bounded(&request)?,
        invite: identity.address.invite().cloned(),
    })
}

pub(super) fn bounded<const MAX: usize>(
    bytes: &[u8],
) -> Result<folkmoot_protocol::Bytes<MAX>, Error> {
    bytes.try_into().map_err(|_| Error::TooLarge {
        what: "what is to be sent",
        size: bytes.len(),
        limit: MAX,
    })
}

//! A provider in a temporary directory, and devices and members who talk to it.

use std::net::SocketAddr;
use std::sync::Arc;

use folkmoot_crypto::{SignatureKeyPair, suite_one};
use folkmoot_identity::{
    DeviceCertificate, DeviceKey, DeviceName, SessionProof, TrustAnchors, Validity,
    issue_leaf_credential,
};
use folkmoot_mls::{KeyPackage, Lifetime, Member};
use folkmoot_protocol::{
    Action, Append, Appended, Challenge, CreateGroup, EntryKind, Epoch, GroupId, IdempotencyKey,
    List, LogEntry, LogPage, OpenSession, Problem, ProviderInfo, Receipt, Register, Registered,
    RegistrationPolicy, Sequence, Session, SessionToken, Signature, SlotId, SlotPublicKey,
    SlotRequest, Timestamp, decode, encode, path,
};
use folkmoot_server::{Config, Provider, Running};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tls_codec::{Serialize as _, VLBytes};

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(since.as_secs())
}

pub(crate) struct World {
    folder: TempDir,
    config: Config,
    running: Option<Running>,
    address: SocketAddr,
    http: reqwest::Client,
}

impl World {
    /// A provider that lets everybody in.
    pub(crate) async fn new() -> Self {
        Self::with(|config| config.registration = RegistrationPolicy::Open).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().join("provider"),
            ..Config::default()
        };
        change(&mut config);
        let running = Provider::start(config.clone()).await.unwrap();
        let address = running.address();
        let http = client(&config);
        Self {
            folder,
            config,
            running: Some(running),
            address,
            http,
        }
    }

    /// A client with connections of its own.
    pub(crate) fn client(&self) -> reqwest::Client {
        client(&self.config)
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("provider")
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn client_config(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        trusting(&self.config, version)
    }

    /// Stops the provider and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown().await.unwrap();
        }
        let running = Provider::start(self.config.clone()).await.unwrap();
        self.address = running.address();
        self.running = Some(running);
    }

    /// The provider, to be stopped while requests are under way.
    pub(crate) fn take(&mut self) -> Running {
        self.running.take().unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) async fn get<A: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&SessionToken>,
    ) -> Result<A, Problem> {
        answer(with_token(self.request(Method::GET, path), token)).await
    }

    pub(crate) async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&SessionToken>,
        message: &impl Serialize,
    ) -> Result<A, Problem> {
        let request = self.request(Method::POST, path).body(encode(message));
        answer(with_token(request, token)).await
    }

    pub(crate) async fn info(&self) -> ProviderInfo {
        self.get(path::PROVIDER, None).await.unwrap()
    }

    /// Registers a device without an invite and opens a session.
    pub(crate) async fn device(&self, user: &str, device: &str) -> Device {
        let key = DeviceKey::generate(&mut rng());
        let name: DeviceName = format!("mimi://localhost/d/{user}/{device}")
            .parse()
            .unwrap();
        let registered = self.register(&key, &name, None).await.unwrap();
        self.session(key, registered).await
    }

    pub(crate) async fn register(
        &self,
        key: &DeviceKey,
        device: &DeviceName,
        invite: Option<folkmoot_protocol::InviteCode>,
    ) -> Result<Registered, Problem> {
        let request = key.certificate_request(device).unwrap().try_into().unwrap();
        let register = Register {
            device: device.clone(),
            request,
            invite,
        };
        self.post(path::DEVICES, None, &register).await
    }

    pub(crate) async fn session(&self, key: DeviceKey, registered: Registered) -> Device {
        let info = self.info().await;
        let issuing: Vec<_> = info.issuing.iter().map(|der| der.to_vec()).collect();
        let anchors = TrustAnchors::new(info.domain.clone(), &info.root, &issuing).unwrap();
        let certificate =
            DeviceCertificate::verify(&registered.certificate, &anchors, now()).unwrap();
        let Challenge { challenge } = self.post(path::CHALLENGE, None, &()).await.unwrap();
        let proof = SessionProof {
            domain: &info.domain,
            challenge: &challenge,
        };
        let signature = Signature(key.sign_session(&proof).as_slice().try_into().unwrap());
        let open = OpenSession {
            certificate: registered.certificate,
            challenge,
            signature,
        };
        let Session { token, .. } = self.post(path::SESSION, None, &open).await.unwrap();
        Device {
            key,
            certificate,
            token,
        }
    }

    /// A group that a session began, with its creator's slot.
    pub(crate) async fn group(&self, token: &SessionToken) -> Slot {
        let creator = Slot::new(GroupId::generate(&mut rng()));
        let receipt: Receipt = self
            .post(path::GROUPS, Some(token), &creator.create())
            .await
            .unwrap();
        let info = self.info().await;
        let position = receipt.verify(&info.receipt_key, &info.domain).unwrap();
        assert_eq!(position.sequence, Sequence(0));
        creator
    }
}

fn client(config: &Config) -> reqwest::Client {
    let tls = trusting(config, &TLS13);
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

fn trusting(config: &Config, version: &'static SupportedProtocolVersion) -> ClientConfig {
    let certificate = std::fs::read(config.data.join("tls.der")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn with_token(
    request: reqwest::RequestBuilder,
    token: Option<&SessionToken>,
) -> reqwest::RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token.as_str()),
        None => request,
    }
}

/// The answer, or the problem, whose status and type must be right.
pub(crate) async fn answer<A: DeserializeOwned>(
    request: reqwest::RequestBuilder,
) -> Result<A, Problem> {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get(CONTENT_TYPE).cloned();
    let body = response.bytes().await.unwrap();
    match status {
        200 => {
            assert_eq!(kind.unwrap(), "application/json");
            Ok(decode(&body).unwrap())
        }
        204 => Ok(decode(b"null").unwrap()),
        _ => {
            assert_eq!(kind.unwrap(), "application/problem+json");
            let problem: Problem = decode(&body).unwrap();
            assert_eq!(problem.code.status(), status);
            Err(problem)
        }
    }
}

pub(crate) struct Device {
    pub(crate) key: DeviceKey,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) token: SessionToken,
}

impl Device {
    pub(crate) fn name(&self) -> &DeviceName {
        self.certificate.device()
    }

    pub(crate) fn key_package(&self) -> Vec<u8> {
        let crypto = suite_one();
        let signature = crypto.generate_signature_key_pair(&mut rng()).unwrap();
        let validity = Validity::from_now(now(), 86_400);
        let credential = issue_leaf_credential(
            &self.key,
            &self.certificate,
            &signature.public,
            validity,
            &mut rng(),
        );
        let credential = credential.unwrap();
        let member = Member::new(credential, signature);
        let lifetime = Lifetime {
            not_before: validity.not_before(),
            not_after: validity.not_after(),
        };
        let (package, _) = KeyPackage::generate(crypto, member, lifetime, &mut rng()).unwrap();
        package.to_message().encode()
    }
}

/// Someone with access to a group's log.
pub(crate) struct Slot {
    pub(crate) group: GroupId,
    pub(crate) id: SlotId,
    pub(crate) keys: SignatureKeyPair,
}

impl Slot {
    pub(crate) fn new(group: GroupId) -> Self {
        Self {
            group,
            id: SlotId(folkmoot_crypto::random(&mut rng())),
            keys: suite_one().generate_signature_key_pair(&mut rng()).unwrap(),
        }
    }

    pub(crate) fn create(&self) -> CreateGroup {
        let slot_key = SlotPublicKey::try_from(self.keys.public.as_slice()).unwrap();
        CreateGroup {
            group: self.group,
            slot: self.id,
            slot_key,
        }
    }

    pub(crate) fn request(&self, action: Action) -> SlotRequest {
        let domain = "localhost".parse().unwrap();
        SlotRequest::sign(&self.keys, &domain, self.group, self.id, now(), action).unwrap()
    }

    pub(crate) async fn append(&self, world: &World, append: Append) -> Result<Receipt, Problem> {
        let request = self.request(Action::Append(append));
        let appended: Appended = world.post(path::SLOT, None, &request).await?;
        Ok(appended.receipt)
    }

    pub(crate) async fn read(&self, world: &World, after: u64) -> Result<Vec<LogEntry>, Problem> {
        let request = self.request(Action::Read {
            after: Sequence(after),
            limit: 256,
        });
        let page: LogPage = world.post(path::SLOT, None, &request).await?;
        Ok(page.entries.into_vec())
    }

    pub(crate) fn message(&self, epoch: u64, kind: EntryKind, body: &[u8]) -> Append {
        Append {
            idempotency: IdempotencyKey::generate(&mut rng()),
            epoch: Epoch(epoch),
            kind,
            message: self.private_message(epoch, kind, body).try_into().unwrap(),
            welcome: None,
            opens: List::default(),
            closes: List::default(),
        }
    }

    pub(crate) fn text(&self, body: &str) -> Append {
        self.message(0, EntryKind::Application, body.as_bytes())
    }

    /// An encoded `MLSMessage` that holds a `PrivateMessage` which nobody can open.
    fn private_message(&self, epoch: u64, kind: EntryKind, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 2];
        bytes.extend(vector(self.group.as_slice()));
        bytes.extend(epoch.to_be_bytes());
        bytes.push(kind as u8);
        bytes.extend(vector(b""));
        bytes.extend(vector(&[0; 32]));
        bytes.extend(vector(body));
        bytes
    }
}

fn vector(bytes: &[u8]) -> Vec<u8> {
    VLBytes::from(bytes).tls_serialize_detached().unwrap()
}

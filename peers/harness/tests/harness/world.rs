//! Carries scripts out over gRPC. Whatever a step says, all members agree after it.

use crate::script::{Name, Step, Successor, What};
use crate::server::{Remote, Server};
use folkmoot_interop::proto;
use std::collections::{BTreeMap, BTreeSet};
use tonic::{Code, Status};

pub(crate) type Outcome<T> = Result<T, Status>;

/// What every epoch's members export and compare.
const EXPORT: (&str, &[u8], u32) = ("folkmoot interop", b"context", 42);

pub(crate) struct World {
    servers: Vec<Remote>,
    pub(crate) suite: u32,
    pub(crate) encrypted: bool,
    pub(crate) group_id: Vec<u8>,
    seats: BTreeMap<Name, Seat>,
    pub(crate) present: BTreeSet<Name>,
    pub(crate) proposed: BTreeMap<Name, (Vec<u8>, What)>,
    sealed: BTreeMap<Name, Vec<u8>>,
    pub(crate) tally: Tally,
}

/// One client: where it is, and what it is called there.
#[derive(Clone, Default)]
struct Seat {
    server: usize,
    state: Option<u32>,
    transaction: Option<u32>,
    signer: Option<u32>,
    key_package: Vec<u8>,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) scripts: usize,
    pub(crate) steps: usize,
    pub(crate) comparisons: usize,
}

impl World {
    pub(crate) fn new(servers: &[Server], suite: u32, encrypted: bool) -> Self {
        Self {
            servers: servers.iter().map(|one| one.remote.clone()).collect(),
            suite,
            encrypted,
            group_id: format!("group of suite {suite}").into_bytes(),
            seats: BTreeMap::new(),
            present: BTreeSet::new(),
            proposed: BTreeMap::new(),
            sealed: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    /// Carries all of it out, and leaves nothing behind.
    pub(crate) async fn play(&mut self, script: &[Step]) -> Outcome<()> {
        self.play_on(script).await?;
        self.tally.scripts += 1;
        self.leave().await
    }

    /// The same, and more is to come.
    pub(crate) async fn play_on(&mut self, script: &[Step]) -> Outcome<()> {
        for (number, step) in script.iter().enumerate() {
            let done = self.step(step).await;
            done.map_err(|status| {
                let message = format!("step {number}, {step:?}: {}", status.message());
                Status::new(status.code(), message)
            })?;
            self.agree().await?;
            self.tally.steps += 1;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Outcome<()> {
        match step {
            Step::Create { by, members } => self.create(by, members).await,
            Step::Offer(by) => self.offer(by).await,
            Step::Psk { psk, to } => self.store_psk(psk, to).await,
            Step::Propose { by, label, what } => self.propose(by, label, what).await,
            Step::Commit(commit) => self.commit(commit).await,
            Step::Enter(enter) => self.enter(enter).await,
            Step::Seal { by, label } => self.seal(by, label).await,
            Step::Open { by, label } => self.open(by, label).await,
            Step::AskToJoin {
                joiner,
                host,
                label,
            } => self.ask_to_join(joiner, host, label).await,
            Step::AddSigner { by, signer, label } => self.add_signer(by, signer, label).await,
            Step::Outside {
                signer,
                host,
                label,
                what,
            } => self.outside(signer, host, label, what).await,
            Step::ReInit(reinit) => self.reinit(reinit).await,
            Step::Branch(branch) => self.branch(branch).await,
        }
    }

    /// All members have the same authenticator and export the same.
    pub(crate) async fn agree(&mut self) -> Outcome<()> {
        let mut agreed = None;
        for name in self.present.clone() {
            let held = (self.authenticator(&name).await?, self.export(&name).await?);
            let expected = agreed.get_or_insert_with(|| held.clone());
            assert_eq!(held, *expected, "{name} does not agree");
            self.tally.comparisons += 1;
        }
        Ok(())
    }

    pub(crate) async fn authenticator(&mut self, name: &str) -> Outcome<Vec<u8>> {
        let (mut remote, state_id) = self.member(name);
        let request = proto::StateAuthRequest { state_id };
        Ok(remote
            .state_auth(request)
            .await?
            .into_inner()
            .state_auth_secret)
    }

    async fn export(&mut self, name: &str) -> Outcome<Vec<u8>> {
        let (mut remote, state_id) = self.member(name);
        let (label, context, key_length) = EXPORT;
        let request = proto::ExportRequest {
            state_id,
            label: label.to_owned(),
            context: context.to_vec(),
            key_length,
        };
        let exported = remote.export(request).await?.into_inner().exported_secret;
        assert_eq!(exported.len(), key_length as usize);
        Ok(exported)
    }

    /// Frees every state, and finds none of them any more.
    async fn leave(&mut self) -> Outcome<()> {
        for name in std::mem::take(&mut self.present) {
            let (mut remote, state_id) = self.member(&name);
            remote.free(proto::FreeRequest { state_id }).await?;
            let gone = self.authenticator(&name).await.unwrap_err();
            assert_eq!(gone.code(), Code::NotFound);
        }
        Ok(())
    }

    /// The client of this name and its server; servers in turn.
    fn seat(&mut self, name: &str) -> (Remote, &mut Seat) {
        let turn = self.seats.len() % self.servers.len();
        let seat = self.seats.entry(name.to_owned()).or_insert_with(|| Seat {
            server: turn,
            ..Seat::default()
        });
        (self.servers[seat.server].clone(), seat)
    }

    pub(crate) fn remote(&mut self, name: &str) -> Remote {
        self.seat(name).0
    }

    pub(crate) fn member(&mut self, name: &str) -> (Remote, u32) {
        let (remote, seat) = self.seat(name);
        (remote, seat.state.expect("a script names members"))
    }

    pub(crate) fn sit(&mut self, name: &str, state: u32) {
        self.seat(name).1.state = Some(state);
        self.present.insert(name.to_owned());
    }

    pub(crate) fn transaction(&mut self, name: &str) -> (Remote, u32) {
        let (remote, seat) = self.seat(name);
        let transaction = seat.transaction.take();
        (remote, transaction.expect("a script lets joiners offer"))
    }

    pub(crate) fn begin_transaction(&mut self, name: &str, transaction: u32) {
        self.seat(name).1.transaction = Some(transaction);
    }

    /// Whom everybody but these is.
    pub(crate) fn others(&self, but: &[Name]) -> Vec<Name> {
        let present = self.present.iter();
        present
            .filter(|name| !but.contains(name))
            .cloned()
            .collect()
    }

    /// The member that a commit has removed learns of it, and is a member no more.
    pub(crate) async fn see_out(&mut self, name: &str) -> Outcome<()> {
        self.present.remove(name);
        let gone = self.authenticator(name).await.unwrap_err();
        assert_eq!(gone.code(), Code::FailedPrecondition, "{gone:?}");
        let (mut remote, state_id) = self.member(name);
        remote.free(proto::FreeRequest { state_id }).await?;
        self.seat(name).1.state = None;
        Ok(())
    }

    pub(crate) async fn offer(&mut self, by: &str) -> Outcome<()> {
        let request = proto::CreateKeyPackageRequest {
            cipher_suite: self.suite,
            identity: by.into(),
        };
        let mut remote = self.remote(by);
        let offered = remote.create_key_package(request).await?.into_inner();
        let keys = [
            &offered.init_priv,
            &offered.encryption_priv,
            &offered.signature_priv,
        ];
        assert!(keys.into_iter().all(|key| !key.is_empty()));
        let seat = self.seat(by).1;
        seat.transaction = Some(offered.transaction_id);
        seat.key_package = offered.key_package;
        Ok(())
    }

    pub(crate) fn key_package(&mut self, of: &str) -> Vec<u8> {
        self.seat(of).1.key_package.clone()
    }

    /// Into the state of who has one, else into the transaction.
    async fn store_psk(&mut self, psk: &str, to: &[Name]) -> Outcome<()> {
        for name in to {
            let (mut remote, seat) = self.seat(name);
            let id = seat.state.or(seat.transaction);
            let request = proto::StorePskRequest {
                state_or_transaction_id: id.expect("a script gives keys to clients"),
                psk_id: psk.into(),
                psk_secret: secret(psk),
            };
            remote.store_psk(request).await?;
        }
        Ok(())
    }

    async fn seal(&mut self, by: &str, label: &str) -> Outcome<()> {
        let (mut remote, state_id) = self.member(by);
        let (plaintext, authenticated_data) = message(label);
        let request = proto::ProtectRequest {
            state_id,
            authenticated_data,
            plaintext,
        };
        let sealed = remote.protect(request).await?.into_inner().ciphertext;
        assert_eq!(wire_format(&sealed), PRIVATE_MESSAGE);
        self.sealed.insert(label.to_owned(), sealed);
        Ok(())
    }

    async fn open(&mut self, by: &str, label: &str) -> Outcome<()> {
        let ciphertext = self.sealed[label].clone();
        let (mut remote, state_id) = self.member(by);
        let request = proto::UnprotectRequest {
            state_id,
            ciphertext,
        };
        let opened = remote.unprotect(request).await?.into_inner();
        let (plaintext, authenticated_data) = message(label);
        assert_eq!(opened.plaintext, plaintext);
        assert_eq!(opened.authenticated_data, authenticated_data);
        Ok(())
    }

    pub(crate) async fn add_signer(&mut self, by: &str, signer: &str, label: &str) -> Outcome<()> {
        let request = proto::CreateExternalSignerRequest {
            cipher_suite: self.suite,
            identity: signer.into(),
        };
        let mut remote = self.remote(signer);
        let created = remote.create_external_signer(request).await?.into_inner();
        self.seat(signer).1.signer = Some(created.signer_id);
        let (mut remote, state_id) = self.member(by);
        let request = proto::AddExternalSignerRequest {
            state_id,
            external_sender: created.external_sender,
        };
        let proposed = remote.add_external_signer(request).await?.into_inner();
        // What its extensions are is for the server to say.
        let what = What::Extensions(Vec::new());
        let proposed = (proposed.proposal, what);
        self.proposed.insert(label.to_owned(), proposed);
        Ok(())
    }

    pub(crate) fn signer(&mut self, name: &str) -> (Remote, u32) {
        let (remote, seat) = self.seat(name);
        (remote, seat.signer.expect("a script admits its signers"))
    }

    /// The id and suite of the group that follows.
    pub(crate) fn succeeding(&self, successor: &Successor) -> (Vec<u8>, u32) {
        let mut group_id = self.group_id.clone();
        if successor.other_id {
            group_id.extend_from_slice(b", again");
        }
        let suite = if successor.other_suite {
            self.suite % 7 + 1
        } else {
            self.suite
        };
        (group_id, suite)
    }
}

/// RFC 9420 §6, `WireFormat`.
pub(crate) const PUBLIC_MESSAGE: u8 = 1;
pub(crate) const PRIVATE_MESSAGE: u8 = 2;

/// After the version's two bytes, of two.
pub(crate) fn wire_format(message: &[u8]) -> u8 {
    message[3]
}

pub(crate) fn secret(psk: &str) -> Vec<u8> {
    psk.bytes().cycle().take(32).collect()
}

fn message(label: &str) -> (Vec<u8>, Vec<u8>) {
    let (text, data) = (format!("text {label}"), format!("data {label}"));
    (text.into_bytes(), data.into_bytes())
}

pub(crate) fn extensions(list: &[(u32, Vec<u8>)]) -> Vec<proto::Extension> {
    let extension = |(extension_type, data): &(u32, Vec<u8>)| proto::Extension {
        extension_type: *extension_type,
        extension_data: data.clone(),
    };
    list.iter().map(extension).collect()
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.scripts += other.scripts;
        self.steps += other.steps;
        self.comparisons += other.comparisons;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            scripts,
            steps,
            comparisons,
        } = self;
        write!(
            formatter,
            "{scripts} scripts, {steps} steps, {comparisons} members compared"
        )
    }
}

//! Requests as members make them, on whichever store.

use folkmoot_authentication::{Authentication, SessionKey};
use folkmoot_crypto::{SignatureKeyPair, suite_one};
use folkmoot_delivery::{Command, Delivery, Reply};
use folkmoot_identity::{ProviderDomain, RootAuthority, Validity};
use folkmoot_protocol::{
    Action, Append, CreateGroup, EntryKind, Epoch, GroupId, IdempotencyKey, Joiner, JoinerWelcome,
    List, LogEntry, LogPosition, Problem, ReceiptKey, Redeem, RegistrationPolicy, Sequence, SlotId,
    SlotPublicKey, SlotRequest, Ticket, Timestamp,
};
use folkmoot_store::provider::{
    Cores, DeliveryAnswer, MemoryStore, ProviderStore, SqliteOptions, SqliteStore, StoreError,
};
use rand_core::{CryptoRng, UnwrapErr};
use tempfile::TempDir;
use tls_codec::{Serialize as _, VLBytes};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000);

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

pub(crate) fn new_cores(rng: &mut dyn CryptoRng) -> Cores {
    let domain: ProviderDomain = "example.org".parse().unwrap();
    let validity = Validity::from_now(NOW, 1000 * 24 * 3600);
    let root = RootAuthority::create(&domain, validity, rng).unwrap();
    let issuing = root.create_issuing(validity, rng).unwrap();
    let session_key = SessionKey::generate(rng);
    Cores {
        authentication: Authentication::new(issuing, session_key, RegistrationPolicy::Open),
        delivery: Delivery::new(domain, ReceiptKey::generate(rng).unwrap()),
    }
}

/// A store with the cores that decide in it.
pub(crate) struct Provider {
    pub(crate) cores: Cores,
    pub(crate) store: Box<dyn ProviderStore>,
    pub(crate) folder: Option<TempDir>,
}

impl Provider {
    pub(crate) fn memory() -> Self {
        let cores = new_cores(&mut rng());
        let store = Box::new(MemoryStore::new(cores.clone()));
        Self {
            cores,
            store,
            folder: None,
        }
    }

    pub(crate) fn sqlite() -> Self {
        Self::sqlite_with(None)
    }

    pub(crate) fn sqlite_with(largest: Option<u64>) -> Self {
        let cores = new_cores(&mut rng());
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions {
            largest,
            ..options(&folder)
        };
        let store = Box::new(SqliteStore::open(&options, cores.clone()).unwrap());
        Self {
            cores,
            store,
            folder: Some(folder),
        }
    }

    pub(crate) fn ask(&self, command: Command) -> Result<DeliveryAnswer, StoreError> {
        self.store.deliver_and_wait(command, NOW)
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.cores.delivery
    }

    pub(crate) fn reply(&self, command: Command) -> Result<Reply, Problem> {
        self.ask(command).unwrap().reply
    }
}

pub(crate) fn options(folder: &TempDir) -> SqliteOptions {
    SqliteOptions {
        path: folder.path().join("provider.db"),
        largest: None,
    }
}

/// Someone with a slot in a group.
pub(crate) struct Member {
    pub(crate) group: GroupId,
    pub(crate) slot: SlotId,
    pub(crate) keys: SignatureKeyPair,
}

impl Member {
    pub(crate) fn new(group: GroupId, slot: u8) -> Self {
        let keys = suite_one().generate_signature_key_pair(&mut rng());
        Self {
            group,
            slot: SlotId([slot; 16]),
            keys: keys.unwrap(),
        }
    }

    /// A member who has just created the group.
    pub(crate) fn creator(provider: &Provider, group: u8) -> Self {
        let member = Self::new(GroupId([group; 32]), 1);
        assert!(provider.reply(member.create()).is_ok());
        member
    }

    pub(crate) fn key(&self) -> SlotPublicKey {
        SlotPublicKey::try_from(self.keys.public.as_slice()).unwrap()
    }

    pub(crate) fn create(&self) -> Command {
        Command::CreateGroup(CreateGroup {
            group: self.group,
            slot: self.slot,
            slot_key: self.key(),
        })
    }

    pub(crate) fn command(&self, delivery: &Delivery, action: Action) -> Command {
        self.command_at(delivery, action, NOW)
    }

    pub(crate) fn command_at(
        &self,
        delivery: &Delivery,
        action: Action,
        now: Timestamp,
    ) -> Command {
        let domain = delivery.domain();
        let request =
            SlotRequest::sign(&self.keys, domain, self.group, self.slot, now, action).unwrap();
        delivery.slot(request, now).unwrap()
    }

    pub(crate) fn redeem(&self, delivery: &Delivery, ticket: &Ticket) -> Command {
        self.redeem_at(delivery, ticket, NOW)
    }

    pub(crate) fn redeem_at(
        &self,
        delivery: &Delivery,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Command {
        let (domain, ticket) = (delivery.domain(), ticket.clone());
        let redeem = Redeem::sign(&self.keys, domain, self.group, self.slot, ticket, now).unwrap();
        delivery.redeem(&redeem, now).unwrap()
    }

    pub(crate) fn append(
        &self,
        provider: &Provider,
        append: Append,
    ) -> Result<LogPosition, Problem> {
        match provider.reply(self.command(provider.delivery(), Action::Append(append)))? {
            Reply::Appended(appended) => {
                let key = provider.delivery().receipt_key().public();
                let domain = provider.delivery().domain();
                Ok(appended.receipt.verify(&key, domain).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn read(&self, provider: &Provider, after: u64) -> Result<Vec<LogEntry>, Problem> {
        let action = Action::Read {
            after: Sequence(after),
            limit: 256,
        };
        match provider.reply(self.command(provider.delivery(), action))? {
            Reply::Entries(page) => Ok(page.entries.into_vec()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn message(&self, epoch: u64, kind: EntryKind, body: &[u8]) -> Append {
        Append {
            idempotency: IdempotencyKey::generate(&mut rng()),
            epoch: Epoch(epoch),
            kind,
            message: private_message(&self.group, epoch, kind, body)
                .try_into()
                .unwrap(),
            welcome: None,
            opens: List::default(),
            closes: List::default(),
        }
    }

    pub(crate) fn application(&self, epoch: u64, body: &[u8]) -> Append {
        self.message(epoch, EntryKind::Application, body)
    }

    pub(crate) fn commit(&self, epoch: u64) -> Append {
        self.message(epoch, EntryKind::Commit, b"commit")
    }

    pub(crate) fn adding(&self, epoch: u64, slot: SlotId, ticket: &Ticket) -> Append {
        self.adding_all(epoch, &[(slot, ticket.clone())])
    }

    /// A commit that adds the members of slots, each with a part of its own.
    pub(crate) fn adding_all(&self, epoch: u64, slots: &[(SlotId, Ticket)]) -> Append {
        let JoinerWelcome { shared, .. } = welcome_of(epoch, SlotId([0; 16]));
        let joiners = slots.iter().map(|(slot, ticket)| Joiner {
            slot: *slot,
            ticket_digest: ticket.digest(&self.group, slot),
            part: Some(welcome_of(epoch, *slot).part),
        });
        Append {
            welcome: Some(shared),
            opens: joiners.collect::<Vec<_>>().try_into().unwrap(),
            ..self.commit(epoch)
        }
    }

    pub(crate) fn removing(&self, epoch: u64, slot: SlotId) -> Append {
        Append {
            closes: vec![slot].try_into().unwrap(),
            ..self.commit(epoch)
        }
    }
}

/// What a slot gets that a commit for this epoch opens.
pub(crate) fn welcome_of(epoch: u64, slot: SlotId) -> JoinerWelcome {
    let part = format!("sealed in epoch {epoch} for {slot}");
    JoinerWelcome {
        shared: b"sealed welcome".as_slice().try_into().unwrap(),
        part: part.into_bytes().try_into().unwrap(),
    }
}

pub(crate) fn ticket(byte: u8) -> Ticket {
    Ticket::try_from([byte; 32].as_slice()).unwrap()
}

/// An encoded `MLSMessage` that holds a `PrivateMessage` which nobody can open.
fn private_message(group: &GroupId, epoch: u64, kind: EntryKind, body: &[u8]) -> Vec<u8> {
    let vector = |bytes: &[u8]| VLBytes::from(bytes).tls_serialize_detached().unwrap();
    let mut bytes = vec![0, 1, 0, 2];
    bytes.extend(vector(group.as_slice()));
    bytes.extend(epoch.to_be_bytes());
    bytes.push(kind as u8);
    bytes.extend(vector(b""));
    bytes.extend(vector(&[0; 32]));
    bytes.extend(vector(body));
    bytes
}

//! A provider in memory and members who talk to it.

use folkmoot_crypto::{SignatureKeyPair, suite_one};
use folkmoot_delivery::{Command, Decision, Delivery, Records, Reply};
use folkmoot_protocol::bounds::MAX_WELCOME_PART;
use folkmoot_protocol::{
    Action, Append, Appended, Bytes, CreateGroup, EntryKind, Epoch, GroupId, IdempotencyKey,
    Joiner, List, LogEntry, LogPosition, Problem, ProblemCode, Receipt, ReceiptKey, Redeem,
    Sequence, SlotId, SlotPublicKey, SlotRequest, Ticket, Timestamp,
};
use rand_core::UnwrapErr;
use tls_codec::{Serialize as _, VLBytes};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000);
pub(crate) const GROUP: GroupId = GroupId([1; 32]);

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

pub(crate) struct Provider {
    pub(crate) delivery: Delivery,
    pub(crate) records: Records,
    pub(crate) now: Timestamp,
}

impl Provider {
    pub(crate) fn new() -> Self {
        let key = ReceiptKey::generate(&mut rng()).unwrap();
        Self {
            delivery: Delivery::new("example.org".parse().unwrap(), key),
            records: Records::default(),
            now: NOW,
        }
    }

    /// Loads, decides, applies.
    pub(crate) fn run(&mut self, command: Command) -> Decision {
        let reads = command.only_reads();
        let facts = self.records.load(&command.need(self.now));
        let decision = self.delivery.decide(command, facts, self.now);
        let idle = decision.writes.is_empty() && decision.wakes.is_empty();
        assert!(idle || (decision.reply.is_ok() && !reads));
        self.records.apply(decision.writes.clone());
        decision
    }

    pub(crate) fn ask(&mut self, command: Command) -> Result<Reply, Problem> {
        self.run(command).reply
    }

    pub(crate) fn slot(&mut self, request: SlotRequest) -> Result<Reply, Problem> {
        let command = self.delivery.slot(request, self.now)?;
        self.ask(command)
    }

    pub(crate) fn redeem(&mut self, redeem: &Redeem) -> Result<Reply, Problem> {
        let command = self.delivery.redeem(redeem, self.now)?;
        self.ask(command)
    }

    /// A group with its creator.
    pub(crate) fn group(&mut self) -> Member {
        let creator = Member::new(1);
        let command = Command::CreateGroup(CreateGroup {
            group: GROUP,
            slot: creator.slot,
            slot_key: creator.key(),
        });
        assert!(matches!(self.ask(command), Ok(Reply::Created(_))));
        creator
    }

    /// Checks a receipt and returns the position that it vouches for.
    pub(crate) fn position(&self, receipt: &Receipt) -> LogPosition {
        let key = self.delivery.receipt_key().public();
        receipt.verify(&key, self.delivery.domain()).unwrap()
    }
}

/// Someone with a slot.
pub(crate) struct Member {
    pub(crate) keys: SignatureKeyPair,
    pub(crate) slot: SlotId,
}

impl Member {
    pub(crate) fn new(slot: u8) -> Self {
        Self {
            keys: suite_one().generate_signature_key_pair(&mut rng()).unwrap(),
            slot: SlotId([slot; 16]),
        }
    }

    pub(crate) fn key(&self) -> SlotPublicKey {
        SlotPublicKey::try_from(self.keys.public.as_slice()).unwrap()
    }

    pub(crate) fn request(&self, provider: &Provider, action: Action) -> SlotRequest {
        let domain = provider.delivery.domain();
        SlotRequest::sign(&self.keys, domain, GROUP, self.slot, provider.now, action).unwrap()
    }

    pub(crate) fn ask(&self, provider: &mut Provider, action: Action) -> Result<Reply, Problem> {
        let request = self.request(provider, action);
        provider.slot(request)
    }

    pub(crate) fn append(
        &self,
        provider: &mut Provider,
        append: Append,
    ) -> Result<LogPosition, Problem> {
        match self.ask(provider, Action::Append(append))? {
            Reply::Appended(Appended { receipt }) => Ok(provider.position(&receipt)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn read(
        &self,
        provider: &mut Provider,
        after: u64,
    ) -> Result<Vec<LogEntry>, Problem> {
        let after = Sequence(after);
        match self.ask(provider, Action::Read { after, limit: 256 })? {
            Reply::Entries(page) => Ok(page.entries.into_vec()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn redeem(
        &self,
        provider: &mut Provider,
        ticket: &Ticket,
    ) -> Result<Reply, Problem> {
        let domain = provider.delivery.domain();
        let ticket = ticket.clone();
        let redeem =
            Redeem::sign(&self.keys, domain, GROUP, self.slot, ticket, provider.now).unwrap();
        provider.redeem(&redeem)
    }
}

/// An encoded `MLSMessage` that holds a `PrivateMessage` which nobody can open.
pub(crate) fn private_message(
    group: &GroupId,
    epoch: u64,
    kind: EntryKind,
    body: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 2];
    bytes.extend(vector(group.as_slice()));
    bytes.extend(epoch.to_be_bytes());
    bytes.push(kind as u8);
    bytes.extend(vector(b""));
    bytes.extend(vector(&[0; 32]));
    bytes.extend(vector(body));
    bytes
}

fn vector(bytes: &[u8]) -> Vec<u8> {
    VLBytes::from(bytes).tls_serialize_detached().unwrap()
}

pub(crate) fn message(epoch: u64, kind: EntryKind, body: &[u8]) -> Append {
    Append {
        idempotency: IdempotencyKey::generate(&mut rng()),
        epoch: Epoch(epoch),
        kind,
        message: private_message(&GROUP, epoch, kind, body)
            .try_into()
            .unwrap(),
        welcome: None,
        opens: List::default(),
        closes: List::default(),
    }
}

pub(crate) fn commit(epoch: u64) -> Append {
    message(epoch, EntryKind::Commit, b"commit")
}

/// A commit that adds the member of a slot.
pub(crate) fn adding(epoch: u64, slot: SlotId, ticket: &Ticket) -> Append {
    adding_all(epoch, &[(slot, ticket.clone())])
}

/// A commit that adds the members of slots, each with a part of its own.
pub(crate) fn adding_all(epoch: u64, slots: &[(SlotId, Ticket)]) -> Append {
    let joiners = slots.iter().map(|(slot, ticket)| Joiner {
        slot: *slot,
        ticket_digest: ticket.digest(&GROUP, slot),
        part: Some(part(slot)),
    });
    Append {
        welcome: Some(b"sealed welcome".as_slice().try_into().unwrap()),
        opens: joiners.collect::<Vec<_>>().try_into().unwrap(),
        ..commit(epoch)
    }
}

/// The part of the member of a slot.
pub(crate) fn part(slot: &SlotId) -> Bytes<MAX_WELCOME_PART> {
    let part = [b"sealed for ", slot.as_slice()].concat();
    part.try_into().unwrap()
}

/// A commit that removes the members of slots.
pub(crate) fn removing(epoch: u64, slots: &[SlotId]) -> Append {
    Append {
        closes: slots.to_vec().try_into().unwrap(),
        ..commit(epoch)
    }
}

pub(crate) fn ticket(byte: u8) -> Ticket {
    Ticket::try_from([byte; 32].as_slice()).unwrap()
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Problem>) -> ProblemCode {
    result.unwrap_err().code
}

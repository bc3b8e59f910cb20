//! Requests to a group's log. A slot's signature is all the access there is: no account is named.

use folkmoot_crypto::{CryptoError, SignatureKeyPair, suite_one};
use folkmoot_identity::ProviderDomain;
use folkmoot_mls::{Epoch, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tls_codec::{TlsSerialize, TlsSize};

use crate::bounds::{
    MAX_CLOSES, MAX_MESSAGE, MAX_OPENS, MAX_WELCOME, MAX_WELCOME_PART, READ_LIMIT, SLOT_TIME_WINDOW,
};
use crate::signed::{digest, encoded, label};
use crate::welcome::welcome_digest;
use crate::{
    Bytes, Digest, EntryKind, GroupId, IdempotencyKey, List, LogEntry, NewEntry, Opening, Receipt,
    SealedWelcome, Sequence, Signature, SlotId, SlotPublicKey, number,
};

/// Body of `POST /v1/groups`, which needs a session that is not recorded. The answer is the
/// [`Receipt`] for sequence 0. The same body again gets the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateGroup {
    /// The group's id.
    pub group: GroupId,
    /// The creator's slot.
    pub slot: SlotId,
    /// The creator's slot key.
    pub slot_key: SlotPublicKey,
}

/// Someone whom a commit adds: the slot to open, and what is for its eyes alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joiner {
    /// The joiner's slot.
    pub slot: SlotId,
    /// From [`Ticket::digest`](crate::Ticket::digest).
    pub ticket_digest: Digest,
    /// Its part of the commit's Welcome, encrypted ([`WelcomeKey`](crate::WelcomeKey)); there exactly
    /// where the append carries the Welcome's shared part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Bytes<MAX_WELCOME_PART>>,
}

impl Joiner {
    /// What the log says of it.
    pub fn opening(&self) -> Opening {
        Opening {
            slot: self.slot,
            ticket_digest: self.ticket_digest,
        }
    }
}

/// A message for a group's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Append {
    /// Chosen once per message; a retry repeats it with the same bytes.
    pub idempotency: IdempotencyKey,
    /// The epoch of the message.
    #[serde(with = "number::epoch")]
    pub epoch: Epoch,
    /// The kind of the message.
    pub kind: EntryKind,
    /// The encoded `MLSMessage`.
    pub message: Bytes<MAX_MESSAGE>,
    /// With a commit that adds: what its Welcome has for all joiners, encrypted
    /// ([`WelcomeKey`](crate::WelcomeKey)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome: Option<Bytes<MAX_WELCOME>>,
    /// With a commit that adds: the slots to open, each with its part of the Welcome.
    #[serde(default)]
    pub opens: List<Joiner, MAX_OPENS>,
    /// With a commit that removes: the slots to close.
    #[serde(default)]
    pub closes: List<SlotId, MAX_CLOSES>,
}

impl Append {
    /// Digest of everything in it, by which a retry is told from a reused idempotency key.
    pub fn digest(&self) -> Digest {
        digest(&(label("Folkmoot 1.0 append"), self.content()))
    }

    /// The log entry that it asks for, and the Welcome that is kept beside it.
    pub fn into_entry(self) -> (NewEntry, Option<SealedWelcome>) {
        let entry = NewEntry {
            epoch: self.epoch,
            kind: self.kind,
            welcome_digest: self.welcome_digest(),
            opens: self.openings(),
            message: self.message,
            closes: self.closes,
            idempotency: self.idempotency,
        };
        let parts = self.opens.into_iter();
        let parts = parts.filter_map(|joiner| Some((joiner.slot, joiner.part?)));
        let welcome = self.welcome.map(|shared| SealedWelcome {
            shared,
            parts: parts.collect(),
        });
        (entry, welcome)
    }

    /// Whether a log entry is what this append asked for, whatever its place: message, access and
    /// every part of the Welcome.
    pub fn is_entry(&self, entry: &LogEntry) -> bool {
        self.idempotency == entry.idempotency
            && self.epoch == entry.epoch
            && self.kind == entry.kind
            && self.message == entry.message
            && self.openings() == entry.opens
            && self.closes == entry.closes
            && self.welcome_digest() == entry.welcome_digest
    }

    fn openings(&self) -> List<Opening, MAX_OPENS> {
        let openings: Vec<_> = self.opens.iter().map(Joiner::opening).collect();
        openings.try_into().expect("as many as there are joiners")
    }

    /// One digest of the Welcome for all readers of the log.
    fn welcome_digest(&self) -> Option<Digest> {
        let parts = self.opens.iter();
        let parts = parts.map(|joiner| (joiner.slot, joiner.part.as_deref()));
        Some(welcome_digest(self.welcome.as_deref()?, parts))
    }

    fn content(&self) -> AppendContent<'_> {
        let opens = self.opens.iter().map(|joiner| {
            let part = joiner.part.as_deref().map(Digest::of);
            (joiner.opening(), part)
        });
        AppendContent {
            idempotency: self.idempotency,
            epoch: self.epoch.0,
            kind: self.kind,
            message: Digest::of(&self.message),
            welcome: self.welcome.as_deref().map(Digest::of),
            opens: opens.collect(),
            closes: &self.closes,
        }
    }
}

/// Answer to [`Append`]. Refusals: `epoch-taken` with the winner, `stale-epoch` with the current
/// epoch, `conflict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appended {
    /// For the place that the message got.
    pub receipt: Receipt,
}

/// What a slot asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub enum Action {
    /// Append to the log; answered by [`Appended`].
    Append(Append),
    /// Read entries after a place; answered by [`LogPage`].
    Read {
        /// The last place that the reader has.
        after: Sequence,
        /// Most entries wanted, at least 1 and at most [`READ_LIMIT`].
        limit: u16,
    },
    /// The Welcome that came with the commit that opened this slot; answered by
    /// [`JoinerWelcome`](crate::JoinerWelcome).
    Welcome {
        /// The place of that commit.
        sequence: Sequence,
    },
    /// Entries after a place, now and as they come; only on a stream.
    Follow {
        /// The last place that the reader has.
        after: Sequence,
    },
}

/// Answer to [`Action::Read`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPage {
    /// Entries in order; none means that the reader is at the end.
    pub entries: List<LogEntry, READ_LIMIT>,
}

/// Body of `POST /v1/slot`, as it came: its signature is not checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotRequest {
    /// The group.
    pub group: GroupId,
    /// The slot that asks.
    pub slot: SlotId,
    /// When it was signed.
    #[serde(with = "number::time")]
    pub time: Timestamp,
    /// What it asks for.
    pub action: Action,
    /// By the slot's key over `("Folkmoot 1.0 slot request", domain, group, slot, time, action)`,
    /// in which message, shared Welcome and each joiner's part stand as their SHA-256.
    pub signature: Signature,
}

/// A request that the key of its slot signed, within the time window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSlotRequest {
    group: GroupId,
    slot: SlotId,
    action: Action,
}

/// Why a signed request is not believed. The fault is the requester's, or its clock's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestRejected {
    /// The time is outside of the window of [`SLOT_TIME_WINDOW`] seconds.
    #[error("the request's time is {0} s away from the provider's; set the clock and sign again")]
    Time(u64),
    /// The signature does not hold under the key.
    #[error("the request does not carry its key's signature")]
    Signature,
}

impl SlotRequest {
    /// Signs a request to the provider `domain`.
    pub fn sign(
        keys: &SignatureKeyPair,
        domain: &ProviderDomain,
        group: GroupId,
        slot: SlotId,
        time: Timestamp,
        action: Action,
    ) -> Result<Self, CryptoError> {
        let mut request = Self {
            group,
            slot,
            time,
            action,
            signature: Signature([0; Signature::LENGTH]),
        };
        request.signature = sign(keys, &request.content(domain))?;
        Ok(request)
    }

    /// Checks the time alone, which needs no knowledge of the slot.
    pub fn check_time(&self, now: Timestamp) -> Result<(), RequestRejected> {
        check_time(self.time, now)
    }

    /// Checks time and signature under the key of the slot.
    pub fn verify(
        self,
        key: &SlotPublicKey,
        domain: &ProviderDomain,
        now: Timestamp,
    ) -> Result<VerifiedSlotRequest, RequestRejected> {
        self.check_time(now)?;
        verify(key, &self.content(domain), &self.signature)?;
        Ok(VerifiedSlotRequest {
            group: self.group,
            slot: self.slot,
            action: self.action,
        })
    }

    fn content(&self, domain: &ProviderDomain) -> Vec<u8> {
        let action = match &self.action {
            Action::Append(append) => ActionContent::Append(append.content()),
            Action::Read { after, limit } => ActionContent::Read(after.0, *limit),
            Action::Welcome { sequence } => ActionContent::Welcome(sequence.0),
            Action::Follow { after } => ActionContent::Follow(after.0),
        };
        encoded(&(
            (label("Folkmoot 1.0 slot request"), domain.clone()),
            (self.group, self.slot),
            (self.time.0, action),
        ))
    }
}

impl VerifiedSlotRequest {
    /// The group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// The slot that asks.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// What it asks for.
    pub fn into_action(self) -> Action {
        self.action
    }
}

#[derive(TlsSerialize, TlsSize)]
struct AppendContent<'a> {
    idempotency: IdempotencyKey,
    epoch: u64,
    kind: EntryKind,
    message: Digest,
    welcome: Option<Digest>,
    opens: Vec<(Opening, Option<Digest>)>,
    closes: &'a [SlotId],
}

#[derive(TlsSerialize, TlsSize)]
#[repr(u8)]
enum ActionContent<'a> {
    #[tls_codec(discriminant = 1)]
    Append(AppendContent<'a>),
    Read(u64, u16),
    Welcome(u64),
    Follow(u64),
}

pub(crate) fn check_time(time: Timestamp, now: Timestamp) -> Result<(), RequestRejected> {
    match time.0.abs_diff(now.0) {
        away if away > SLOT_TIME_WINDOW => Err(RequestRejected::Time(away)),
        _ => Ok(()),
    }
}

pub(crate) fn sign(keys: &SignatureKeyPair, content: &[u8]) -> Result<Signature, CryptoError> {
    let signature = suite_one().sign(&keys.private, content)?;
    Signature::try_from(signature.as_slice()).map_err(|_| CryptoError::InvalidKey)
}

pub(crate) fn verify(
    key: &SlotPublicKey,
    content: &[u8],
    signature: &Signature,
) -> Result<(), RequestRejected> {
    suite_one()
        .verify(&key.0, content, &signature.0)
        .map_err(|_| RequestRejected::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogPosition, SlotSecret, Ticket, decode, encode};

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn keys() -> SignatureKeyPair {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        suite_one().generate_signature_key_pair(&mut rng).unwrap()
    }

    fn public(keys: &SignatureKeyPair) -> SlotPublicKey {
        SlotPublicKey::try_from(keys.public.as_slice()).unwrap()
    }

    fn domain(text: &str) -> ProviderDomain {
        text.parse().unwrap()
    }

    fn append() -> Append {
        Append {
            idempotency: IdempotencyKey([1; 16]),
            epoch: Epoch(2),
            kind: EntryKind::Commit,
            message: b"message".as_slice().try_into().unwrap(),
            welcome: Some(b"welcome".as_slice().try_into().unwrap()),
            opens: vec![Joiner {
                slot: SlotId([3; 16]),
                ticket_digest: Digest([4; 32]),
                part: Some(b"part".as_slice().try_into().unwrap()),
            }]
            .try_into()
            .unwrap(),
            closes: vec![SlotId([5; 16])].try_into().unwrap(),
        }
    }

    fn with_part(part: Option<&[u8]>) -> List<Joiner, MAX_OPENS> {
        let joiner = Joiner {
            part: part.map(|part| part.try_into().unwrap()),
            ..append().opens[0].clone()
        };
        vec![joiner].try_into().unwrap()
    }

    fn actions() -> Vec<Action> {
        vec![
            Action::Append(append()),
            Action::Read {
                after: Sequence(1),
                limit: 2,
            },
            Action::Welcome {
                sequence: Sequence(1),
            },
            Action::Follow { after: Sequence(1) },
        ]
    }

    fn signed(keys: &SignatureKeyPair, action: Action) -> SlotRequest {
        SlotRequest::sign(
            keys,
            &domain("example.org"),
            GroupId([6; 32]),
            SlotId([7; 16]),
            NOW,
            action,
        )
        .unwrap()
    }

    #[test]
    fn every_action_survives_json_with_its_signature() {
        let keys = keys();
        for action in actions() {
            let request: SlotRequest = decode(&encode(&signed(&keys, action.clone()))).unwrap();
            let verified = request
                .verify(&public(&keys), &domain("example.org"), NOW)
                .unwrap();
            assert_eq!(verified.group(), GroupId([6; 32]));
            assert_eq!(verified.slot(), SlotId([7; 16]));
            assert_eq!(verified.into_action(), action);
        }
    }

    #[test]
    fn a_signature_is_bound_to_key_domain_and_every_field() {
        let keys = keys();
        let good = signed(&keys, Action::Append(append()));
        let org = domain("example.org");
        let refused = Err(RequestRejected::Signature);
        let other = public(&self::keys());
        assert_eq!(good.clone().verify(&other, &org, NOW), refused);
        let net = domain("example.net");
        assert_eq!(good.clone().verify(&public(&keys), &net, NOW), refused);

        let changed_append = |change: fn(&mut Append)| {
            let mut append = append();
            change(&mut append);
            SlotRequest {
                action: Action::Append(append),
                ..good.clone()
            }
        };
        let mut forged = vec![
            SlotRequest {
                group: GroupId([0; 32]),
                ..good.clone()
            },
            SlotRequest {
                slot: SlotId([0; 16]),
                ..good.clone()
            },
            SlotRequest {
                time: Timestamp(NOW.0 + 1),
                ..good.clone()
            },
            changed_append(|a| a.idempotency.0[0] ^= 1),
            changed_append(|a| a.epoch.0 += 1),
            changed_append(|a| a.kind = EntryKind::Proposal),
            changed_append(|a| a.message = Bytes::default()),
            changed_append(|a| a.welcome = None),
            changed_append(|a| a.opens = List::default()),
            changed_append(|a| a.opens = with_part(None)),
            changed_append(|a| a.opens = with_part(Some(b"path"))),
            changed_append(|a| a.closes = List::default()),
        ];
        forged.extend(actions().into_iter().skip(1).map(|action| SlotRequest {
            action,
            ..good.clone()
        }));
        for (number, request) in forged.into_iter().enumerate() {
            assert_eq!(
                request.verify(&public(&keys), &org, NOW),
                refused,
                "{number}"
            );
        }
    }

    #[test]
    fn a_read_is_not_a_follow_and_has_its_own_place() {
        let keys = keys();
        let good = signed(&keys, Action::Follow { after: Sequence(1) });
        for action in [
            Action::Follow { after: Sequence(2) },
            Action::Welcome {
                sequence: Sequence(1),
            },
        ] {
            let forged = SlotRequest {
                action,
                ..good.clone()
            };
            let checked = forged.verify(&public(&keys), &domain("example.org"), NOW);
            assert_eq!(checked, Err(RequestRejected::Signature));
        }
    }

    #[test]
    fn the_time_window_is_exact_on_both_sides() {
        let keys = keys();
        let request = signed(&keys, Action::Follow { after: Sequence(0) });
        let at = |now| {
            let request = request.clone();
            request.verify(&public(&keys), &domain("example.org"), Timestamp(now))
        };
        assert!(at(NOW.0 + SLOT_TIME_WINDOW).is_ok());
        assert!(at(NOW.0 - SLOT_TIME_WINDOW).is_ok());
        let away = SLOT_TIME_WINDOW + 1;
        assert_eq!(at(NOW.0 + away), Err(RequestRejected::Time(away)));
        assert_eq!(at(NOW.0 - away), Err(RequestRejected::Time(away)));
    }

    #[test]
    fn unknown_actions_and_fields_are_refused() {
        let keys = keys();
        let good = serde_json::to_string(&signed(&keys, actions().remove(1))).unwrap();
        assert!(decode::<SlotRequest>(good.as_bytes()).is_ok());
        for (from, to) in [
            ("\"read\"", "\"write\""),
            ("\"limit\":2", "\"limit\":2,\"more\":1"),
            ("\"limit\":2", "\"limit\":65536"),
            ("\"slot\"", "\"place\""),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert!(decode::<SlotRequest>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn slots_and_tickets_differ_by_secret_device_and_group() {
        let secret = |byte| SlotSecret::try_from([byte; 32].as_slice()).unwrap();
        let phone = "mimi://example.org/d/alice/phone".parse().unwrap();
        let laptop = "mimi://example.org/d/alice/laptop".parse().unwrap();
        assert_eq!(secret(1).slot(&phone), secret(1).slot(&phone));
        assert_ne!(secret(1).slot(&phone), secret(1).slot(&laptop));
        assert_ne!(secret(1).slot(&phone), secret(2).slot(&phone));
        let ticket = Ticket::try_from([8; 32].as_slice()).unwrap();
        let digest = |group, slot| ticket.digest(&GroupId([group; 32]), &SlotId([slot; 16]));
        assert_ne!(digest(1, 1), digest(2, 1));
        assert_ne!(digest(1, 1), digest(1, 2));
    }

    #[test]
    fn an_append_with_other_content_has_another_digest() {
        let mut other = append();
        other.closes = List::default();
        assert_ne!(append().digest(), other.digest());
        assert_eq!(append().digest(), append().digest());
        for part in [None, Some(b"path".as_slice())] {
            let other = Append {
                opens: with_part(part),
                ..append()
            };
            assert_ne!(append().digest(), other.digest(), "{part:?}");
        }
    }

    /// A list of thousands of joiners does not carry their parts to every reader.
    #[test]
    fn an_entry_has_one_digest_of_the_welcome_and_none_of_its_parts() {
        let (entry, welcome) = append().into_entry();
        let parts: [(_, Option<&[u8]>); 1] = [(SlotId([3; 16]), Some(b"part"))];
        let expected = welcome_digest(b"welcome", parts.into_iter());
        assert_eq!(entry.welcome_digest, Some(expected));
        assert_eq!(entry.opens[..], [append().opens[0].opening()]);
        let part = append().opens[0].part.clone().unwrap();
        let sealed = SealedWelcome {
            shared: append().welcome.unwrap(),
            parts: vec![(SlotId([3; 16]), part)],
        };
        assert_eq!(welcome, Some(sealed));
    }

    #[test]
    fn an_append_knows_its_entry_from_every_other() {
        let start = LogPosition::start(GroupId([6; 32]), &SlotPublicKey([2; 32]));
        let entry_of = |append: Append| start.extend(append.into_entry().0, NOW).unwrap();
        assert!(append().is_entry(&entry_of(append())));
        let changes: [fn(&mut Append); 9] = [
            |a| a.idempotency.0[0] ^= 1,
            |a| a.epoch.0 += 1,
            |a| a.kind = EntryKind::Proposal,
            |a| a.message = Bytes::default(),
            |a| a.welcome = None,
            |a| a.welcome = Some(Bytes::default()),
            |a| a.opens = List::default(),
            |a| a.opens = with_part(Some(b"path")),
            |a| a.closes = List::default(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = append();
            change(&mut other);
            assert!(!append().is_entry(&entry_of(other)), "{number}");
        }
    }
}

//! Invitations: pointers that come, joins that follow them, pointers for those whom this device adds.

use folkmoot_crypto::{HpkeCiphertext, SignatureKeyPair, suite_one};
use folkmoot_identity::Timestamp;
use folkmoot_mls::{
    EncryptedGroupSecrets, Group, JoinOptions, KeyPackage, KeyPackageSecrets, MessageBody,
    MlsMessage, NoRecords, OwnKeyPackage, Welcome, WelcomeShared,
};
use folkmoot_protocol::{
    AckInbox, Action, DamagedWelcome, InboxCursor, InboxItem, InboxPage, JoinerWelcome,
    POINTER_LABEL, Pointer, Problem, Redeem,
};
use folkmoot_store::client::{
    ClientChange, ClientChanges, ClientStore, GroupRow, GroupState, InboxMark, Join, KeyPackageRow,
};
use rand_core::CryptoRng;
use tls_codec::DeserializeBytes;

use super::account::bounded;
use super::group::{devices, group_name, hex, mls_id, settings, slot_secret};
use super::state::{Entering, Posting, from_body, to_body};
use super::{Core, Request, Step};
use crate::error::Error;
use crate::event::{Event, WarningKind};

/// Pointers looked at when the next one to post is chosen.
const POSTS_AT_ONCE: usize = 1;

/// Why an invitation that could be opened was dropped. Group and key package are as if it had never
/// been followed; the key package can be invited again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unjoinable {
    /// RFC 9420 §12.4.3.1: one is in a group once.
    #[error("it is to a group that this device is in")]
    Member,
    #[error("its key package is used or gone; ask to be invited again")]
    KeyPackage,
    #[error("the provider does not know it: {0}")]
    Unknown(Problem),
    /// The provider's fault, or that of a build before Welcomes had parts.
    #[error("the provider has no Welcome for this device any more; {AGAIN}")]
    NoWelcome,
    /// The provider's fault, or the inviter's.
    #[error("{0}; {AGAIN}")]
    Damaged(#[from] DamagedWelcome),
    /// The inviter's fault: it opened, and is no part of a Welcome.
    #[error("the inviter's Welcome cannot be read ({0}); {AGAIN}")]
    Malformed(#[from] tls_codec::Error),
    /// The inviter's fault, or that of a member.
    #[error("the inviter's Welcome is not valid here ({0}); {AGAIN}")]
    Refused(#[from] folkmoot_mls::Error),
    /// The inviter's fault.
    #[error("the inviter's Welcome is for another group or slot; {AGAIN}")]
    Elsewhere,
}

/// What mends an invitation that came to nothing: the group has the device as a member already.
const AGAIN: &str = "ask a member to remove this device and to invite it again";

impl<S: ClientStore> Core<S> {
    pub(super) fn inbox_request(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<(Step, Request)>, Error> {
        if let Some(post) = self.store.posts(POSTS_AT_ONCE)?.into_iter().next() {
            let posting: Posting = from_body(&post.body)?;
            let request = Request::Post(self.token()?, Box::new(posting));
            return Ok(Some((Step::Post(post.id), request)));
        }
        let mark = self.store.inbox_mark()?;
        if !self.round.inbox_read {
            let request = Request::ReadInbox(self.token()?, InboxCursor(mark.read));
            return Ok(Some((Step::ReadInbox, request)));
        }
        if mark.acknowledged < mark.read {
            let ack = AckInbox {
                through: InboxCursor(mark.read),
            };
            let request = Request::AckInbox(self.token()?, ack);
            return Ok(Some((Step::AckInbox(mark.read), request)));
        }
        self.join_request(now)
    }

    pub(super) fn inbox_page(
        &mut self,
        page: InboxPage,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        if page.items.is_empty() {
            self.round.inbox_read = true;
        }
        for item in page.items.into_vec() {
            let mark = self.store.inbox_mark()?;
            let read = item.cursor.0;
            if read <= mark.read {
                continue;
            }
            let mut changes = vec![ClientChange::PutInboxMark(InboxMark { read, ..mark })];
            match self.open_pointer(&item)? {
                Ok(pointer) => {
                    let entering = Entering {
                        pointer: bounded(pointer.encode().expose())?,
                        slot_key: bounded(&folkmoot_crypto::random::<32>(rng))?,
                        redeemed: false,
                    };
                    let reference = item.key_package_ref.to_vec();
                    changes.push(ClientChange::PutJoin(Join {
                        reference,
                        body: to_body(&entering),
                    }));
                }
                Err(why) => self.warn(None, WarningKind::BadInvitation, why),
            }
            self.apply(changes)?;
        }
        Ok(())
    }

    /// Opens a pointer with the key package that it is sealed to; the inner error is the sender's.
    fn open_pointer(&self, item: &InboxItem) -> Result<Result<Pointer, String>, Error> {
        let row = self.store.key_package(&item.key_package_ref)?;
        let Some((_, secrets)) = row.as_ref().and_then(own_key_package) else {
            let why = "an invitation for a key package that is used or was never this device's";
            return Ok(Err(why.to_owned()));
        };
        let sealed = HpkeCiphertext {
            kem_output: item.pointer.kem_output().into(),
            ciphertext: item.pointer.ciphertext().into(),
        };
        let opened = folkmoot_mls::decrypt_with_label(
            suite_one(),
            &secrets.init_private,
            POINTER_LABEL,
            &item.key_package_ref,
            &sealed,
        );
        let pointer = opened
            .ok()
            .and_then(|bytes| Pointer::decode(bytes.expose()).ok());
        Ok(pointer.ok_or_else(|| "an invitation that cannot be opened".to_owned()))
    }

    pub(super) fn inbox_acknowledged(&mut self, through: u64) -> Result<(), Error> {
        let mark = self.store.inbox_mark()?;
        let mark = InboxMark {
            acknowledged: through,
            ..mark
        };
        self.apply(vec![ClientChange::PutInboxMark(mark)])
    }

    pub(super) fn posted(&mut self, id: u64) -> Result<(), Error> {
        self.apply(vec![ClientChange::ErasePost(id)])
    }

    pub(super) fn post_refused(&mut self, id: u64, problem: &Problem) -> Result<(), Error> {
        let detail = format!("an invitation could not be delivered: {problem}");
        self.warn(None, WarningKind::CommandFailed, detail);
        self.posted(id)
    }

    fn join_request(&mut self, now: Timestamp) -> Result<Option<(Step, Request)>, Error> {
        for join in self.store.joins()? {
            let entering: Entering = from_body(&join.body)?;
            let pointer = decode_pointer(&entering)?;
            let group = pointer.position.group;
            // Whoever was removed and invited again has another slot, and reads no more by the old.
            if !self.round.gone.contains(&group)
                && self
                    .store
                    .group(&group)?
                    .is_some_and(|row| row.state != GroupState::Removed)
            {
                // Check 114: one is in a group once. A removal that is still unread comes first.
                if self.round.caught_up.contains(&group) {
                    self.drop_join(&join.reference, &Unjoinable::Member)?;
                }
                continue;
            }
            let row = entering_row(&pointer, &entering);
            if !entering.redeemed {
                let keys = slot_keys(&entering)?;
                let domain = &self.provider()?.info.domain;
                let redeem = Redeem::sign(&keys, domain, group, pointer.slot, pointer.ticket, now)
                    .map_err(|error| Error::Internal(error.to_string()))?;
                return Ok(Some((
                    Step::Redeem(join.reference),
                    Request::Redeem(Box::new(redeem)),
                )));
            }
            let action = Action::Welcome {
                sequence: pointer.position.sequence,
            };
            let request = Request::Welcome(self.slot_request(&row, action, now)?);
            return Ok(Some((Step::Welcome(join.reference), request)));
        }
        Ok(None)
    }

    pub(super) fn redeemed(&mut self, reference: &[u8]) -> Result<(), Error> {
        let Some(mut entering) = self.entering(reference)? else {
            return Ok(());
        };
        entering.redeemed = true;
        let reference = reference.to_vec();
        self.apply(vec![ClientChange::PutJoin(Join {
            reference,
            body: to_body(&entering),
        })])
    }

    fn entering(&self, reference: &[u8]) -> Result<Option<Entering>, Error> {
        let mut joins = self.store.joins()?.into_iter();
        let join = joins.find(|join| join.reference == reference);
        join.map(|join| from_body(&join.body)).transpose()
    }

    pub(super) fn drop_join(&mut self, reference: &[u8], why: &Unjoinable) -> Result<(), Error> {
        let detail = format!("an invitation was dropped: {why}");
        self.warn(None, WarningKind::BadInvitation, detail);
        self.apply(vec![ClientChange::EraseJoin(reference.to_vec())])
    }

    /// Enters the group that a Welcome describes.
    pub(super) fn welcome(
        &mut self,
        reference: &[u8],
        welcome: &JoinerWelcome,
    ) -> Result<(), Error> {
        let Some(entering) = self.entering(reference)? else {
            return Ok(());
        };
        let pointer = decode_pointer(&entering)?;
        let Some(package) = self.store.key_package(reference)? else {
            return self.drop_join(reference, &Unjoinable::KeyPackage);
        };
        let (group, delta) = match self.join(&pointer, &package, welcome)? {
            Ok(joined) => joined,
            Err(why) => return self.drop_join(reference, &why),
        };
        let id = pointer.position.group;
        let members: Vec<_> = devices(&group, &NoRecords)?
            .into_iter()
            .map(|(_, device)| device)
            .collect();
        let mut row = entering_row(&pointer, &entering);
        row.name = group_name(&group).unwrap_or_else(|| hex(&id));
        row.epoch = group.epoch();
        row.members = members.len() as u64;
        self.events.push_back(Event::Joined {
            group: hex(&id),
            name: row.name.clone(),
            epoch: row.epoch.0,
            members,
        });
        let changes: ClientChanges = vec![
            ClientChange::EraseRecords(id),
            ClientChange::PutGroup(row),
            ClientChange::Records(id, delta),
            ClientChange::PutHead(id, pointer.position.sequence, pointer.position.head),
            // RFC 9420 §10: a key package is used once.
            ClientChange::PutKeyPackage(KeyPackageRow {
                secrets: None,
                ..package
            }),
            ClientChange::EraseJoin(reference.to_vec()),
        ];
        self.apply(changes)?;
        // Loaded when it is wanted, and of a large tree only what is.
        self.groups.remove(&id);
        self.round.caught_up.remove(&id);
        self.round.shut.remove(&id);
        self.round.gone.remove(&id);
        self.round.counted = false;
        Ok(())
    }

    /// The inner error is the inviter's fault, or the provider's.
    fn join(
        &self,
        pointer: &Pointer,
        package: &KeyPackageRow,
        welcome: &JoinerWelcome,
    ) -> Result<Result<(Group, folkmoot_mls::Delta), Unjoinable>, Error> {
        let Some((key_package, secrets)) = own_key_package(package) else {
            return Ok(Err(Unjoinable::KeyPackage));
        };
        let own = OwnKeyPackage {
            key_package: &key_package,
            secrets: &secrets,
        };
        let authenticator = &self.provider()?.authenticator;
        let device = &self.identity()?.device;
        let options = JoinOptions::default();
        let enter = |welcome: Welcome| {
            let (group, delta) = Group::join(
                suite_one(),
                &welcome,
                own,
                options,
                settings(),
                authenticator,
            )?;
            // A group without slots is none that this pointer can be for.
            let slot = slot_secret(&group).map(|secret| secret.slot(device));
            let expected = *group.group_id() == mls_id(pointer.position.group);
            if !expected || slot.ok() != Some(pointer.slot) {
                return Err(Unjoinable::Elsewhere);
            }
            Ok((group, delta))
        };
        Ok(reassemble(pointer, welcome).and_then(enter))
    }
}

/// The Welcome of this device alone, from what all joiners got and what it got.
fn reassemble(pointer: &Pointer, sealed: &JoinerWelcome) -> Result<Welcome, Unjoinable> {
    let (key, group) = (&pointer.welcome_key, &pointer.position.group);
    let shared = key.open_shared(group, &sealed.shared)?;
    let own = key.open_part(group, &pointer.slot, &sealed.part)?;
    let shared = WelcomeShared::tls_deserialize_exact_bytes(&shared)?;
    let own = EncryptedGroupSecrets::tls_deserialize_exact_bytes(&own)?;
    Ok(shared.with(own))
}

fn decode_pointer(entering: &Entering) -> Result<Pointer, Error> {
    Pointer::decode(&entering.pointer).map_err(|error| Error::Internal(error.to_string()))
}

fn slot_keys(entering: &Entering) -> Result<SignatureKeyPair, Error> {
    let private = folkmoot_crypto::Secret::from(entering.slot_key.as_slice());
    let public = suite_one()
        .signature_public_key(&private)
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(SignatureKeyPair { private, public })
}

/// The group as it will stand in the store; name, epoch and members follow from the Welcome.
fn entering_row(pointer: &Pointer, entering: &Entering) -> GroupRow {
    GroupRow {
        id: pointer.position.group,
        name: String::new(),
        state: GroupState::Active,
        leaving: false,
        halted: false,
        cursor: pointer.position.sequence,
        head: pointer.position.head,
        slot: pointer.slot,
        slot_key: folkmoot_crypto::Secret::from(entering.slot_key.as_slice()),
        epoch: folkmoot_protocol::Epoch(0),
        members: 0,
    }
}

fn own_key_package(row: &KeyPackageRow) -> Option<(KeyPackage, KeyPackageSecrets)> {
    let secrets = row.secrets.as_ref()?;
    let secrets = KeyPackageSecrets::tls_deserialize_exact_bytes(secrets.expose()).ok()?;
    match MlsMessage::decode(&row.package).ok()?.body {
        MessageBody::KeyPackage(package) => Some((package, secrets)),
        _ => None,
    }
}

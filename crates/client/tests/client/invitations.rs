//! Invitations that are well sealed and lead elsewhere, or come again.

use folkmoot_client::core::{Request, Response};
use folkmoot_client::{Event, WarningKind};
use folkmoot_crypto::{HpkeCiphertext, suite_one};
use folkmoot_mls::{
    Check, EncryptedGroupSecrets, KeyPackageRef, KeyPackageSecrets, MessageBody, MlsMessage,
    decrypt_with_label, encrypt_with_label,
};
use folkmoot_protocol::{
    Action, Append, Bytes, GroupId, InboxItem, InboxPage, JoinerWelcome, POINTER_LABEL, Pointer,
    Problem, SealedPointer, SlotId,
};
use folkmoot_store::client::ClientStore;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tls_codec::{DeserializeBytes, Serialize};

use crate::flaky::FlakyStore;
use crate::world::{Answer, World, user};

/// Opens pointers with the keys of their reader, and seals others in their place.
struct Forger {
    reader: FlakyStore,
    rng: ChaCha20Rng,
}

impl Forger {
    fn of(world: &mut World, reader: &str) -> Self {
        Self {
            reader: world.store(reader).clone(),
            rng: ChaCha20Rng::seed_from_u64(1),
        }
    }

    fn open(&self, item: &InboxItem) -> Pointer {
        let row = self.reader.key_package(&item.key_package_ref);
        let secrets = row.unwrap().unwrap().secrets.unwrap();
        let secrets = KeyPackageSecrets::tls_deserialize_exact_bytes(secrets.expose()).unwrap();
        let sealed = HpkeCiphertext {
            kem_output: item.pointer.kem_output().into(),
            ciphertext: item.pointer.ciphertext().into(),
        };
        let (key, context) = (&secrets.init_private, &item.key_package_ref);
        let opened = decrypt_with_label(suite_one(), key, POINTER_LABEL, context, &sealed);
        Pointer::decode(opened.unwrap().expose()).unwrap()
    }

    fn seal(&mut self, item: InboxItem, pointer: &Pointer) -> InboxItem {
        let row = self.reader.key_package(&item.key_package_ref);
        let package = MlsMessage::decode(&row.unwrap().unwrap().package).unwrap();
        let MessageBody::KeyPackage(package) = package.body else {
            panic!("{package:?}")
        };
        let sealed = encrypt_with_label(
            suite_one(),
            package.content.init_key.as_slice(),
            POINTER_LABEL,
            &item.key_package_ref,
            pointer.encode().expose(),
            &mut self.rng,
        );
        let sealed = sealed.unwrap();
        let (enc, ciphertext) = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        InboxItem {
            pointer: SealedPointer::from_parts(enc, ciphertext).unwrap(),
            ..item
        }
    }
}

fn page(items: Vec<InboxItem>) -> Response {
    let items = items.try_into().unwrap();
    Response::Inbox(InboxPage { items })
}

/// What the only joiner of a commit gets, opened.
fn opened(pointer: &Pointer, append: &Append) -> (Vec<u8>, Vec<u8>) {
    let (key, group) = (&pointer.welcome_key, &pointer.position.group);
    let part = append.opens[0].part.as_ref().unwrap();
    let shared = key.open_shared(group, append.welcome.as_ref().unwrap());
    let own = key.open_part(group, &pointer.slot, part);
    (shared.unwrap(), own.unwrap())
}

/// The same for where a pointer leads.
fn sealed(pointer: &Pointer, shared: &[u8], own: Vec<u8>) -> JoinerWelcome {
    let (key, group) = (&pointer.welcome_key, &pointer.position.group);
    let mut sealed = key.seal(group, shared, &[(pointer.slot, own)]).unwrap();
    JoinerWelcome {
        shared: sealed.shared,
        part: sealed.parts.remove(0).1,
    }
}

/// Alice invites Bob by a changed pointer, to which the provider gives the Welcome where it would
/// not by itself.
fn invited_by(change: fn(&mut Pointer)) -> (World, GroupId) {
    let mut world = World::of(1, &["alice", "bob"]);
    let group = world.create("alice");
    let mut forger = Forger::of(&mut world, "bob");
    let (mut sent, mut given) = (None::<Append>, None);
    world.tamper = Some(Box::new(move |name, request, answer: Answer| {
        match (request, answer) {
            (Request::Append(request), answer) => {
                if let Action::Append(append) = &request.action {
                    sent = Some(append.clone());
                }
                answer
            }
            (Request::ReadInbox(..), Ok(Response::Inbox(inbox))) if name == "bob" => {
                let changed = inbox.items.into_vec().into_iter().map(|item| {
                    let mut pointer = forger.open(&item);
                    let (shared, own) = opened(&pointer, sent.as_ref().unwrap());
                    change(&mut pointer);
                    given = Some(sealed(&pointer, &shared, own));
                    forger.seal(item, &pointer)
                });
                Ok(page(changed.collect()))
            }
            (Request::Redeem(_), Err(_)) => Ok(Response::Redeemed),
            (Request::Welcome(_), Err(_)) => Ok(Response::Welcome(given.clone().unwrap())),
            (_, answer) => answer,
        }
    }));
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.run("bob").unwrap();
    (world, group)
}

fn assert_not_entered(change: fn(&mut Pointer)) {
    let (mut world, _) = invited_by(change);
    assert_eq!(world.warnings("bob"), [WarningKind::BadInvitation]);
    assert_eq!(world.store("bob").groups().unwrap(), []);
    assert_eq!(world.store("bob").joins().unwrap(), []);
}

#[test]
fn an_unchanged_invitation_is_followed() {
    let (mut world, group) = invited_by(|_| {});
    world.assert_no_warnings();
    world.assert_agreed(group, &["alice", "bob"]);
}

#[test]
fn a_welcome_for_another_group_is_refused() {
    assert_not_entered(|pointer| pointer.position.group = GroupId([9; 32]));
}

#[test]
fn a_welcome_for_another_slot_is_refused() {
    assert_not_entered(|pointer| pointer.slot = SlotId([9; SlotId::LENGTH]));
}

#[test]
fn an_invitation_to_a_group_that_one_is_in_is_dropped() {
    let (mut world, group) = World::with_group(2, &["alice", "bob"]);
    let elsewhere = world.create("alice");
    let core = world.core("alice");
    let task = core.invite(elsewhere, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    let mut forger = Forger::of(&mut world, "bob");
    world.tamper = Some(Box::new(move |name, _, answer| match answer {
        Ok(Response::Inbox(inbox)) if name == "bob" => {
            let changed = inbox.items.into_vec().into_iter().map(|item| {
                let mut pointer = forger.open(&item);
                pointer.position.group = group;
                forger.seal(item, &pointer)
            });
            Ok(page(changed.collect()))
        }
        answer => answer,
    }));
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), [WarningKind::BadInvitation]);
    assert_eq!(world.store("bob").joins().unwrap(), []);
    world.assert_agreed(group, &["alice", "bob"]);
}

#[test]
fn an_item_that_the_inbox_shows_again_is_passed_over() {
    let mut world = World::of(3, &["alice", "bob"]);
    let group = world.create("alice");
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    let kept = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = std::rc::Rc::clone(&kept);
    world.tamper = Some(Box::new(move |_, _, answer| {
        if let Ok(Response::Inbox(inbox)) = &answer {
            seen.borrow_mut().extend(inbox.items.iter().cloned());
        }
        answer
    }));
    world.run("bob").unwrap();
    let mut items = kept.take();
    assert_eq!(items.len(), 1);
    world.tamper = Some(Box::new(move |_, _, answer| match answer {
        Ok(Response::Inbox(_)) if !items.is_empty() => Ok(page(std::mem::take(&mut items))),
        answer => answer,
    }));
    world.run("bob").unwrap();
    world.assert_no_warnings();
    world.assert_agreed(group, &["alice", "bob"]);
}

/// Alice invites Bob and Carol by one commit; Bob gets another answer to his question for the Welcome,
/// of which Carol's is at hand. What he is told of it.
fn answered(change: fn(JoinerWelcome, &JoinerWelcome) -> Answer) -> String {
    let mut world = World::of(4, &["alice", "bob", "carol"]);
    let group = world.create("alice");
    let both = [user("bob"), user("carol")];
    let task = world.core("alice").invite(group, &both).unwrap();
    world.finish("alice", task).unwrap();
    let carols = std::rc::Rc::new(std::cell::RefCell::new(None));
    let kept = std::rc::Rc::clone(&carols);
    world.tamper = Some(Box::new(move |name, _, answer| match answer {
        Ok(Response::Welcome(welcome)) if name == "carol" => {
            *kept.borrow_mut() = Some(welcome.clone());
            Ok(Response::Welcome(welcome))
        }
        Ok(Response::Welcome(welcome)) => change(welcome, carols.borrow().as_ref().unwrap()),
        answer => answer,
    }));
    world.run("carol").unwrap();
    world.run("bob").unwrap();
    world.tamper = None;
    assert_eq!(world.warnings("bob"), [WarningKind::BadInvitation]);
    assert_eq!(world.store("bob").groups().unwrap(), []);
    assert_eq!(world.store("bob").joins().unwrap(), []);
    let told = world.events("bob").iter().find_map(|event| match event {
        Event::Warning { detail, .. } => Some(detail.clone()),
        _ => None,
    });
    // Nothing half done: what the warning says mends it.
    let task = world.core("alice").remove(group, &user("bob")).unwrap();
    world.finish("alice", task).unwrap();
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.settle();
    world.send_text("bob", group, "here at last").unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob", "carol"]);
    assert_eq!(world.texts("carol", group), ["here at last"]);
    told.unwrap()
}

const MENDED_BY: &str = "ask a member to remove this device and to invite it again";

fn assert_told(change: fn(JoinerWelcome, &JoinerWelcome) -> Answer, what: &str) {
    let told = answered(change);
    assert!(told.contains(what) && told.ends_with(MENDED_BY), "{told}");
}

fn flipped<const MAX: usize>(bytes: &Bytes<MAX>) -> Bytes<MAX> {
    let mut bytes = bytes.to_vec();
    bytes[0] ^= 1;
    bytes.try_into().unwrap()
}

const WRONG_PART: &str = "this device's part of the Welcome is damaged, or another joiner's";

#[test]
fn another_joiners_part_is_told_and_nothing_is_entered() {
    let give = |own: JoinerWelcome, carols: &JoinerWelcome| {
        let part = carols.part.clone();
        Ok(Response::Welcome(JoinerWelcome { part, ..own }))
    };
    assert_told(give, WRONG_PART);
}

#[test]
fn a_damaged_part_is_told_and_nothing_is_entered() {
    let damage = |own: JoinerWelcome, _: &JoinerWelcome| {
        let part = flipped(&own.part);
        Ok(Response::Welcome(JoinerWelcome { part, ..own }))
    };
    assert_told(damage, WRONG_PART);
}

#[test]
fn an_empty_part_is_told_and_nothing_is_entered() {
    let empty = |own: JoinerWelcome, _: &JoinerWelcome| {
        let part = Bytes::default();
        Ok(Response::Welcome(JoinerWelcome { part, ..own }))
    };
    assert_told(empty, WRONG_PART);
}

#[test]
fn a_damaged_shared_part_is_told_and_nothing_is_entered() {
    let damage = |own: JoinerWelcome, _: &JoinerWelcome| {
        let shared = flipped(&own.shared);
        Ok(Response::Welcome(JoinerWelcome { shared, ..own }))
    };
    assert_told(damage, "the Welcome's shared part is damaged");
}

#[test]
fn a_welcome_that_is_not_kept_any_more_is_told() {
    assert_told(
        |_, _| Err(Problem::no_welcome()),
        "has no Welcome for this device",
    );
}

/// The inviter itself seals into Bob's part what is not for him.
fn invited_with(part: fn(&EncryptedGroupSecrets) -> Vec<u8>) -> String {
    let mut world = World::of(5, &["alice", "bob"]);
    let group = world.create("alice");
    let forger = Forger::of(&mut world, "bob");
    let (mut sent, mut given) = (None::<Append>, None);
    world.tamper = Some(Box::new(move |name, request, answer: Answer| {
        match (request, answer) {
            (Request::Append(request), answer) => {
                if let Action::Append(append) = &request.action {
                    sent = Some(append.clone());
                }
                answer
            }
            (Request::ReadInbox(..), Ok(Response::Inbox(inbox))) if name == "bob" => {
                for item in &inbox.items {
                    let pointer = forger.open(item);
                    let (shared, own) = opened(&pointer, sent.as_ref().unwrap());
                    let own = EncryptedGroupSecrets::tls_deserialize_exact_bytes(&own).unwrap();
                    given = Some(sealed(&pointer, &shared, part(&own)));
                }
                Ok(Response::Inbox(inbox))
            }
            (Request::Welcome(_), Ok(_)) => Ok(Response::Welcome(given.clone().unwrap())),
            (_, answer) => answer,
        }
    }));
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), [WarningKind::BadInvitation]);
    assert_eq!(world.store("bob").groups().unwrap(), []);
    assert_eq!(world.store("bob").joins().unwrap(), []);
    let told = world.events("bob").iter().find_map(|event| match event {
        Event::Warning { detail, .. } => Some(detail.clone()),
        _ => None,
    });
    told.unwrap()
}

#[test]
fn what_an_inviter_puts_into_a_part_is_checked_as_any_welcome() {
    let nothing = |_: &EncryptedGroupSecrets| Vec::new();
    let trailing = |own: &EncryptedGroupSecrets| {
        let mut bytes = own.tls_serialize_detached().unwrap();
        bytes.push(0);
        bytes
    };
    for malformed in [nothing as fn(&_) -> _, trailing] {
        let told = invited_with(malformed);
        assert!(told.contains("cannot be read"), "{told}");
    }
    let anothers = |own: &EncryptedGroupSecrets| {
        let mut other = own.clone();
        other.new_member = KeyPackageRef(vec![9; 32].into());
        other.tls_serialize_detached().unwrap()
    };
    let told = invited_with(anothers);
    assert!(
        told.contains(&Check::WelcomeRecipient.to_string()),
        "{told}"
    );
    let sealed_to_another = |own: &EncryptedGroupSecrets| {
        let mut other = own.clone();
        other.encrypted_group_secrets.kem_output = vec![9; 32].into();
        other.tls_serialize_detached().unwrap()
    };
    let told = invited_with(sealed_to_another);
    assert!(
        told.contains(&Check::GroupSecretsOpen.to_string()),
        "{told}"
    );
}

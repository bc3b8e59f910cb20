//! Invitations that are well sealed and lead elsewhere, or come again.

use folkmoot_client::WarningKind;
use folkmoot_client::core::{Request, Response};
use folkmoot_crypto::{HpkeCiphertext, suite_one};
use folkmoot_mls::{
    KeyPackageSecrets, MessageBody, MlsMessage, decrypt_with_label, encrypt_with_label,
};
use folkmoot_protocol::{
    Action, GroupId, InboxItem, InboxPage, POINTER_LABEL, Pointer, SealedPointer, SlotId,
    WelcomeBlob,
};
use folkmoot_store::client::ClientStore;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tls_codec::DeserializeBytes;

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

/// Alice invites Bob by a changed pointer, to which the provider gives the Welcome where it would
/// not by itself.
fn invited_by(change: fn(&mut Pointer)) -> (World, GroupId) {
    let mut world = World::of(1, &["alice", "bob"]);
    let group = world.create("alice");
    let mut forger = Forger::of(&mut world, "bob");
    let (mut sent, mut given) = (None, None);
    world.tamper = Some(Box::new(move |name, request, answer: Answer| {
        match (request, answer) {
            (Request::Append(request), answer) => {
                if let Action::Append(append) = &request.action {
                    sent.clone_from(&append.welcome);
                }
                answer
            }
            (Request::ReadInbox(..), Ok(Response::Inbox(inbox))) if name == "bob" => {
                let changed = inbox.items.into_vec().into_iter().map(|item| {
                    let mut pointer = forger.open(&item);
                    let (key, group) = (&pointer.welcome_key, &pointer.position.group);
                    let welcome = key.open(group, sent.as_ref().unwrap()).unwrap();
                    change(&mut pointer);
                    let (key, group) = (&pointer.welcome_key, &pointer.position.group);
                    let welcome = key.seal(group, &welcome).unwrap();
                    given = Some(WelcomeBlob { welcome });
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

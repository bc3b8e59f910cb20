//! Forged, truncated and meaningless bytes, from the provider and from members.

use folkmoot_client::core::{Request, Response};
use folkmoot_client::{Error, WarningKind};
use folkmoot_crypto::{SignatureKeyPair, suite_one};
use folkmoot_mls::{Group, Settings};
use folkmoot_protocol::{
    Action, Append, ChainHead, ClaimedKeyPackage, EntryKind, GroupId, IdempotencyKey,
    KeyPackagesClaimed, LogEntry, LogPage, LogPosition, NewEntry, SealedPointer, SlotId,
    SlotRequest, Timestamp,
};
use folkmoot_store::client::{ClientStore, GroupRecords, GroupState};

use crate::world::{Answer, World, user};

/// Changes the entries that somebody reads.
fn on_read(
    world: &mut World,
    victim: &'static str,
    mut change: impl FnMut(Vec<LogEntry>) -> Vec<LogEntry> + 'static,
) {
    world.tamper = Some(Box::new(move |name, request, answer: Answer| {
        match (request, answer) {
            (Request::Read(_), Ok(Response::Page(page))) if name == victim => {
                let entries = change(page.entries.into_vec()).try_into().unwrap();
                Ok(Response::Page(LogPage { entries }))
            }
            (_, answer) => answer,
        }
    }));
}

fn flip_last(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

/// The provider shows Bob another log: he takes none of it and sends nothing more.
fn assert_caught(change: impl FnMut(Vec<LogEntry>) -> Vec<LogEntry> + 'static) {
    let (mut world, group) = World::with_group(1, &["alice", "bob"]);
    world.send_text("alice", group, "one").unwrap();
    world.send_text("alice", group, "two").unwrap();
    on_read(&mut world, "bob", change);
    world.run("bob").unwrap();
    assert!(world.warnings("bob").contains(&WarningKind::ForgedLog));
    assert!(world.texts("bob", group).len() < 2);
    world.tamper = None;
    let refused = world.send_text("bob", group, "hello");
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
    world.run("alice").unwrap();
    assert_eq!(world.texts("alice", group), ["one", "two"]);
}

#[test]
fn an_altered_message_is_caught() {
    assert_caught(|mut entries| {
        if let Some(entry) = entries.first_mut() {
            entry.message = flip_last(&entry.message).try_into().unwrap();
        }
        entries
    });
}

#[test]
fn a_truncated_message_is_caught() {
    assert_caught(|mut entries| {
        if let Some(entry) = entries.first_mut() {
            entry.message = entry.message[..entry.message.len() / 2].try_into().unwrap();
        }
        entries
    });
}

#[test]
fn a_wrong_chain_head_is_caught() {
    assert_caught(|mut entries| {
        if let Some(entry) = entries.first_mut() {
            entry.head = ChainHead([9; 32]);
        }
        entries
    });
}

#[test]
fn a_left_out_entry_is_caught() {
    assert_caught(|entries| entries.into_iter().skip(1).collect());
}

#[test]
fn entries_in_another_order_are_caught() {
    assert_caught(|mut entries| {
        entries.reverse();
        entries
    });
}

#[test]
fn a_receipt_that_the_provider_did_not_sign_is_refused() {
    let (mut world, group) = World::with_group(2, &["alice", "bob"]);
    world.tamper = Some(Box::new(|_, request, answer: Answer| {
        match (request, answer) {
            (Request::Append(_), Ok(Response::Appended(mut appended))) => {
                appended.receipt.signature.0[0] ^= 1;
                Ok(Response::Appended(appended))
            }
            (_, answer) => answer,
        }
    }));
    let refused = world.send_text("alice", group, "hello");
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
}

#[test]
fn a_provider_that_shows_two_logs_is_found_out_by_what_members_say() {
    let (mut world, group) = World::with_group(3, &["alice", "bob"]);
    world.send_text("alice", group, "one").unwrap();
    let row = world.store("bob").group(&group).unwrap().unwrap();
    let mut position = LogPosition {
        group,
        sequence: row.cursor,
        head: row.head,
    };
    // The same messages at other times: a chain that is right in itself, and another one.
    on_read(&mut world, "bob", move |entries| {
        let retold = entries.into_iter().map(|entry| {
            let time = Timestamp(entry.time.0 + 1);
            let retold = position.extend(new_entry(entry), time).unwrap();
            position = position.advance(&retold).unwrap();
            retold
        });
        retold.collect()
    });
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), []);
    world.send_text("alice", group, "two").unwrap();
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), [WarningKind::SplitView]);
    assert_eq!(
        world.texts("bob", group),
        ["one", "two"],
        "it warns, and loses nothing"
    );
}

#[test]
fn a_member_who_saw_more_than_comes_before_its_message_is_told() {
    let (mut world, group) = World::with_group(14, &["alice", "bob"]);
    world.send_text("alice", group, "one").unwrap();
    world.send_text("alice", group, "two").unwrap();
    let row = world.store("bob").group(&group).unwrap().unwrap();
    let position = LogPosition {
        group,
        sequence: row.cursor,
        head: row.head,
    };
    // Only the last message, at the place that it says another one has.
    let mut shown = false;
    on_read(&mut world, "bob", move |mut entries| {
        let last = entries.pop().filter(|_| !shown);
        shown = true;
        let retold = last.map(|entry| {
            let time = entry.time;
            position.extend(new_entry(entry), time).unwrap()
        });
        retold.into_iter().collect()
    });
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), [WarningKind::SplitView]);
    assert_eq!(world.texts("bob", group), ["two"]);
}

/// The provider shows Bob the next entry changed, in a chain that is right in itself.
fn retell(world: &mut World, group: GroupId, change: impl Fn(&mut NewEntry) + 'static) {
    let row = world.store("bob").group(&group).unwrap().unwrap();
    let position = LogPosition {
        group,
        sequence: row.cursor,
        head: row.head,
    };
    on_read(world, "bob", move |entries| {
        let retold = entries.into_iter().map(|entry| {
            let time = entry.time;
            let mut new = new_entry(entry);
            change(&mut new);
            position.extend(new, time).unwrap()
        });
        retold.collect()
    });
    world.run("bob").unwrap();
}

#[test]
fn an_entry_of_another_kind_than_it_says_is_skipped() {
    let (mut world, group) = World::with_group(9, &["alice", "bob"]);
    world.send_text("alice", group, "one").unwrap();
    retell(&mut world, group, |entry| entry.kind = EntryKind::Proposal);
    assert_eq!(world.warnings("bob"), [WarningKind::InvalidMessage]);
    assert!(world.texts("bob", group).is_empty());
}

#[test]
fn a_commit_that_changes_other_access_is_told() {
    let (mut world, group) = World::with_group(10, &["alice", "bob"]);
    let task = world.core("alice").update(group).unwrap();
    world.finish("alice", task).unwrap();
    retell(&mut world, group, |entry| {
        entry.closes = vec![SlotId([9; SlotId::LENGTH])].try_into().unwrap();
    });
    assert_eq!(world.warnings("bob"), [WarningKind::WrongAccess]);
}

pub(crate) fn new_entry(entry: LogEntry) -> NewEntry {
    NewEntry {
        epoch: entry.epoch,
        kind: entry.kind,
        message: entry.message,
        welcome_digest: entry.welcome_digest,
        opens: entry.opens,
        closes: entry.closes,
        idempotency: entry.idempotency,
    }
}

/// A member appends bytes of its own making, with its own slot.
pub(crate) fn append_as(
    world: &mut World,
    name: &str,
    group: GroupId,
    kind: EntryKind,
    message: &[u8],
) {
    let row = world.store(name).group(&group).unwrap().unwrap();
    let keys = SignatureKeyPair {
        private: row.slot_key,
        public: Vec::new(),
    };
    let append = Append {
        idempotency: IdempotencyKey::generate(&mut world.rng),
        epoch: row.epoch,
        kind,
        message: message.try_into().unwrap(),
        welcome: None,
        opens: Vec::new().try_into().unwrap(),
        closes: Vec::new().try_into().unwrap(),
    };
    let domain = world.provider.address().domain().clone();
    let action = Action::Append(append);
    let request = SlotRequest::sign(&keys, &domain, group, row.slot, world.now, action).unwrap();
    let mut rng = world.rng.clone();
    world
        .provider
        .answer(&Request::Append(Box::new(request)), world.now, &mut rng)
        .unwrap();
}

/// The last message that somebody sent, as it stands in the log.
fn capture(world: &mut World, act: impl FnOnce(&mut World)) -> LogEntry {
    let last = std::rc::Rc::new(std::cell::RefCell::new(None));
    let seen = std::rc::Rc::clone(&last);
    on_read(world, "bob", move |entries| {
        if let Some(entry) = entries.last() {
            *seen.borrow_mut() = Some(entry.clone());
        }
        entries
    });
    act(world);
    world.run("bob").unwrap();
    world.tamper = None;
    last.take().unwrap()
}

#[test]
fn a_members_forged_message_is_skipped_and_the_log_goes_on() {
    let (mut world, group) = World::with_group(4, &["alice", "bob", "carol"]);
    let entry = capture(&mut world, |world| {
        world.send_text("alice", group, "good").unwrap();
    });
    append_as(
        &mut world,
        "bob",
        group,
        EntryKind::Application,
        &flip_last(&entry.message),
    );
    append_as(
        &mut world,
        "bob",
        group,
        EntryKind::Application,
        &entry.message,
    );
    world.send_text("alice", group, "also good").unwrap();
    world.settle();
    for name in ["alice", "carol"] {
        assert_eq!(world.texts(name, group), ["good", "also good"], "{name}");
        let warnings = world.warnings(name);
        assert_eq!(
            warnings,
            [WarningKind::InvalidMessage; 2],
            "{name}: forged, and replayed"
        );
    }
    world.assert_agreed(group, &["alice", "bob", "carol"]);
}

#[test]
fn a_members_forged_commit_ends_the_group_and_nothing_else() {
    let (mut world, group) = World::with_group(5, &["alice", "bob", "carol"]);
    world.send_text("alice", group, "before").unwrap();
    world.settle();
    let entry = capture(&mut world, |world| {
        let task = world.core("alice").update(group).unwrap();
        world.finish("alice", task).unwrap();
    });
    world.settle();
    // The header of a commit for the new epoch, and nothing behind it that opens.
    let epoch = world.store("bob").group(&group).unwrap().unwrap().epoch.0;
    let old = (epoch - 1).to_be_bytes();
    let at = entry
        .message
        .windows(8)
        .position(|window| window == old)
        .unwrap();
    let mut message = entry.message.to_vec();
    message[at..at + 8].copy_from_slice(&epoch.to_be_bytes());
    append_as(&mut world, "bob", group, EntryKind::Commit, &message);
    // Alice has a commit under way when she learns of it, Carol nothing.
    let task = world.core("alice").update(group).unwrap();
    let refused = world.finish("alice", task);
    assert!(
        matches!(refused, Err(Error::GroupStuck { .. })),
        "{refused:?}"
    );
    world.run("carol").unwrap();
    for name in ["alice", "carol"] {
        assert_stuck(&mut world, name, group, epoch);
        assert_eq!(world.texts(name, group), ["before"], "{name}");
    }
    // Nobody is asked, for nobody could commit it.
    let task = world.core("alice").leave(group).unwrap();
    world.finish("alice", task).unwrap();
    let row = world.store("alice").group(&group).unwrap().unwrap();
    assert_eq!(row.state, GroupState::Removed);
    assert_eq!(world.texts("alice", group), ["before"]);
    // Another group is as good as before.
    let other = world.create("alice");
    world.send_text("alice", other, "elsewhere").unwrap();
}

/// Somebody has been told that a group can go no further, keeps to it when opened again, and has
/// nothing half done.
pub(crate) fn assert_stuck(world: &mut World, name: &'static str, group: GroupId, epoch: u64) {
    assert_eq!(world.warnings(name), [WarningKind::GroupStuck], "{name}");
    world.crash(name);
    world.tamper = Some(Box::new(|_, request, answer| {
        let sent = matches!(request, Request::Append(_));
        assert!(!sent, "it is sent anyway");
        answer
    }));
    world.run(name).unwrap();
    world.tamper = None;
    let store = world.store(name);
    let row = store.group(&group).unwrap().unwrap();
    assert_eq!(
        (row.state, row.epoch.0),
        (GroupState::Stuck, epoch),
        "{name} stays"
    );
    assert_eq!(store.intents().unwrap(), []);
    assert_eq!(store.outgoing(&group).unwrap(), None);
    let records = GroupRecords::new(world.store(name), group);
    let engine = Group::load(suite_one(), &records, Settings::default()).unwrap();
    assert!(engine.pending_commit().is_none());
    let refused = world.core(name).send(group, "hello?");
    let stuck = matches!(refused, Err(Error::GroupStuck { .. }));
    assert!(stuck, "{refused:?}");
}

#[test]
fn a_garbage_pointer_is_dropped_and_a_good_one_still_works() {
    let mut world = World::of(6, &["alice", "bob"]);
    let group = world.create("alice");
    // What Alice posts arrives as garbage.
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    let mut spoiled = false;
    world.tamper = Some(Box::new(move |name, request, answer: Answer| {
        match (request, answer) {
            (Request::ReadInbox(..), Ok(Response::Inbox(mut page)))
                if name == "bob" && !spoiled =>
            {
                let mut items = page.items.into_vec();
                for item in &mut items {
                    item.pointer =
                        SealedPointer::try_from(flip_last(&item.pointer.0).as_slice()).unwrap();
                    spoiled = true;
                }
                page.items = items.try_into().unwrap();
                Ok(Response::Inbox(page))
            }
            (_, answer) => answer,
        }
    }));
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), [WarningKind::BadInvitation]);
    assert_eq!(world.store("bob").groups().unwrap(), []);
    world.tamper = None;
    let task = world.core("alice").remove(group, &user("bob")).unwrap();
    world.finish("alice", task).unwrap();
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
}

#[test]
fn a_key_package_of_somebody_else_is_refused() {
    let (mut world, group) = World::with_group(7, &["alice", "bob", "carol"]);
    let task = world.core("alice").remove(group, &user("carol")).unwrap();
    world.finish("alice", task).unwrap();
    // The provider hands out Carol's key package as if it were Dave's.
    world.tamper = Some(Box::new(|_, request, answer: Answer| {
        match (request, answer) {
            (Request::ClaimKeyPackages(..), Ok(Response::Claimed(claimed))) => {
                let device = user("dave").device("phone").unwrap();
                let packages: Vec<_> = claimed
                    .packages
                    .into_vec()
                    .into_iter()
                    .map(|one| ClaimedKeyPackage {
                        device: device.clone(),
                        ..one
                    })
                    .collect();
                Ok(Response::Claimed(KeyPackagesClaimed {
                    packages: packages.try_into().unwrap(),
                }))
            }
            (_, answer) => answer,
        }
    }));
    let task = world.core("alice").invite(group, &[user("carol")]).unwrap();
    let refused = world.finish("alice", task);
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
    world.tamper = None;
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
}

/// Alice invites Carol, and the provider answers her claim with something else.
fn assert_claim_refused(
    world: &mut World,
    group: GroupId,
    change: impl Fn(Vec<ClaimedKeyPackage>) -> Vec<ClaimedKeyPackage> + 'static,
) {
    world.tamper = Some(Box::new(move |_, request, answer: Answer| {
        match (request, answer) {
            (Request::ClaimKeyPackages(..), Ok(Response::Claimed(claimed))) => {
                let packages = change(claimed.packages.into_vec()).try_into().unwrap();
                Ok(Response::Claimed(KeyPackagesClaimed { packages }))
            }
            (_, answer) => answer,
        }
    }));
    let task = world.core("alice").invite(group, &[user("carol")]).unwrap();
    let refused = world.finish("alice", task);
    assert!(matches!(refused, Err(Error::Forged { .. })), "{refused:?}");
    world.tamper = None;
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
}

#[test]
fn a_key_package_of_the_users_other_device_is_refused() {
    let (mut world, group) = World::with_group(11, &["alice", "bob"]);
    world.arrive("carol");
    world.run("carol").unwrap();
    assert_claim_refused(&mut world, group, |mut packages| {
        for one in &mut packages {
            one.device = user("carol").device("laptop").unwrap();
        }
        packages
    });
}

#[test]
fn a_claim_without_key_packages_is_refused() {
    let (mut world, group) = World::with_group(12, &["alice", "bob"]);
    world.arrive("carol");
    world.run("carol").unwrap();
    assert_claim_refused(&mut world, group, |_| Vec::new());
}

#[test]
fn a_good_key_package_of_another_user_is_refused() {
    let (mut world, group) = World::with_group(13, &["alice", "bob"]);
    for name in ["carol", "dave"] {
        world.arrive(name);
        world.run(name).unwrap();
    }
    let kept = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = std::rc::Rc::clone(&kept);
    world.tamper = Some(Box::new(move |_, _, answer: Answer| {
        if let Ok(Response::Claimed(claimed)) = &answer {
            *seen.borrow_mut() = claimed.packages.to_vec();
        }
        answer
    }));
    let elsewhere = world.create("alice");
    let task = world
        .core("alice")
        .invite(elsewhere, &[user("dave")])
        .unwrap();
    world.finish("alice", task).unwrap();
    let daves = kept.take();
    assert_eq!(daves.len(), 1);
    assert_claim_refused(&mut world, group, move |_| daves.clone());
}

#[test]
fn an_invitation_to_nowhere_is_dropped() {
    let mut world = World::of(8, &["alice", "bob"]);
    let group = world.create("alice");
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.tamper = Some(Box::new(|_, request, answer| match request {
        Request::Redeem(_) => Err(folkmoot_protocol::Problem::not_found()),
        _ => answer,
    }));
    world.run("bob").unwrap();
    assert_eq!(world.warnings("bob"), [WarningKind::BadInvitation]);
    assert_eq!(world.store("bob").joins().unwrap(), []);
}

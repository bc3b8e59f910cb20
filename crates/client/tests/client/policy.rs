//! Genuine messages of a member that do what this version's groups do not do: everyone passes them
//! over. The group outlives a proposal and not a commit, which has ended the epoch.

use std::cell::RefCell;
use std::rc::Rc;

use folkmoot_client::WarningKind;
use folkmoot_client::core::Request;
use folkmoot_crypto::{Secret, suite_one};
use folkmoot_mls::{
    AuthenticationService, ClientId, CommitIntent, Credential, CredentialRejected, Error,
    Extensions, Group, Holdings, MessageBody, MlsMessage, ProposalIntent, ProtocolVersion, Psk,
    ReInit, Services, Settings, Timestamp,
};
use folkmoot_protocol::{EntryKind, GroupId};
use folkmoot_store::client::{ClientStore, GroupRecords};

use crate::bad_input::{append_as, assert_stuck};
use crate::world::{World, user};

/// Vouches for everyone and holds every key: this member is not asked to behave.
struct Anything;

impl AuthenticationService for Anything {
    fn validate(
        &self,
        _: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        Ok(())
    }

    fn client(&self, _: &Credential) -> Option<ClientId> {
        None
    }

    fn succeeds(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

impl Holdings for Anything {
    fn resumption_psk(&self, _: &folkmoot_mls::GroupId, _: folkmoot_mls::Epoch) -> Option<Secret> {
        Some(Secret::zero(32))
    }
}

/// Bob makes a message by the bare engine, from the records that his client has.
fn bobs(
    world: &mut World,
    group: GroupId,
    make: impl FnOnce(&mut Group, Services<'_>) -> Result<MlsMessage, Error>,
) -> Vec<u8> {
    let records = GroupRecords::new(world.store("bob"), group);
    let mut engine = Group::load(suite_one(), &records, Settings::default()).unwrap();
    let services = Services::new(&Anything, &Anything).with_records(&records);
    make(&mut engine, services).unwrap().encode()
}

fn assert_passed_over(seed: u64, kind: EntryKind, intent: Intent) {
    let (mut world, group) = World::with_group(seed, &["alice", "bob", "carol"]);
    let epoch = world.store("alice").group(&group).unwrap().unwrap().epoch;
    let mut rng = world.rng.clone();
    let message = bobs(&mut world, group, |engine, services| match intent {
        Intent::Propose(intent) => Ok(engine.propose(intent, b"", services, &mut rng)?.0),
        Intent::Commit(intent) => Ok(engine.commit(intent, b"", services, &mut rng)?.0.commit),
    });
    append_as(&mut world, "bob", group, kind, &message);
    for name in ["alice", "carol"] {
        world.run(name).unwrap();
        if kind == EntryKind::Commit {
            assert_stuck(&mut world, name, group, epoch.0);
        } else {
            let warnings = world.warnings(name);
            assert_eq!(warnings, [WarningKind::InvalidMessage], "{name}");
        }
        let row = world.store(name).group(&group).unwrap().unwrap();
        assert_eq!(row.epoch, epoch, "{name}");
        let records = GroupRecords::new(world.store(name), group);
        let engine = Group::load(suite_one(), &records, Settings::default()).unwrap();
        assert_eq!(engine.proposals().count(), 0, "{name}");
        assert!(engine.reinit().is_none(), "{name}");
    }
}

enum Intent {
    Propose(ProposalIntent),
    Commit(CommitIntent),
}

fn successor() -> ReInit {
    ReInit {
        group_id: folkmoot_mls::GroupId::new(b"elsewhere".to_vec()),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite_one().suite(),
        extensions: Extensions::default(),
    }
}

#[test]
fn a_proposal_to_end_the_group_is_passed_over() {
    let intent = Intent::Propose(ProposalIntent::ReInit(successor()));
    assert_passed_over(901, EntryKind::Proposal, intent);
}

#[test]
fn a_proposal_of_other_settings_is_passed_over() {
    let intent = Intent::Propose(ProposalIntent::Extensions(Extensions::default()));
    assert_passed_over(902, EntryKind::Proposal, intent);
}

#[test]
fn a_commit_that_ends_the_group_is_passed_over() {
    let intent = CommitIntent {
        reinit: Some(successor()),
        ..CommitIntent::default()
    };
    assert_passed_over(903, EntryKind::Commit, Intent::Commit(intent));
}

#[test]
fn a_commit_that_takes_the_groups_settings_away_is_passed_over() {
    let intent = CommitIntent {
        extensions: Some(Extensions::default()),
        ..CommitIntent::default()
    };
    assert_passed_over(904, EntryKind::Commit, Intent::Commit(intent));
}

#[test]
fn a_commit_that_mixes_a_key_in_is_passed_over() {
    let (mut world, group) = World::with_group(905, &["alice", "bob"]);
    let id = folkmoot_mls::GroupId::new(group.0.to_vec());
    let epoch = world.store("bob").group(&group).unwrap().unwrap().epoch;
    // A key that all members hold, so that only the policy is against it.
    let used = Psk::Resumption(
        folkmoot_mls::ResumptionPskUsage::Application,
        id,
        folkmoot_mls::Epoch(epoch.0),
    );
    let mut rng = world.rng.clone();
    let message = bobs(&mut world, group, |engine, services| {
        let intent = CommitIntent {
            psks: vec![used],
            ..CommitIntent::default()
        };
        Ok(engine.commit(intent, b"", services, &mut rng)?.0.commit)
    });
    append_as(&mut world, "bob", group, EntryKind::Commit, &message);
    world.run("alice").unwrap();
    assert_stuck(&mut world, "alice", group, epoch.0);
}

/// Alice's and Bob's group, Carol's key package, and Dave.
fn with_offer(seed: u64) -> (World, GroupId, Vec<u8>) {
    let (mut world, group) = World::with_group(seed, &["alice", "bob"]);
    let offered = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&offered);
    world.tamper = Some(Box::new(move |name, request, answer| {
        if let ("carol", Request::UploadKeyPackages(_, upload)) = (name, request) {
            *seen.borrow_mut() = upload.packages[0].to_vec();
        }
        answer
    }));
    for name in ["carol", "dave"] {
        world.arrive(name);
        world.run(name).unwrap();
    }
    let offered = offered.take();
    (world, group, offered)
}

/// Bob proposes to add a device, as no client of this project does.
fn propose(world: &mut World, group: GroupId, package: &[u8]) {
    let package = MlsMessage::decode(package).unwrap();
    let MessageBody::KeyPackage(package) = package.body else {
        panic!("{package:?}")
    };
    let package = package.verify(suite_one(), &Anything, &Settings::default(), None);
    let (intent, mut rng) = (ProposalIntent::Add(package.unwrap()), world.rng.clone());
    let message = bobs(world, group, |engine, services| {
        Ok(engine.propose(intent, b"", services, &mut rng)?.0)
    });
    append_as(world, "bob", group, EntryKind::Proposal, &message);
}

/// Slots are opened by whoever invites: whom another member proposes becomes a member without one.
#[test]
fn an_addition_that_another_member_proposed_is_committed_without_a_slot() {
    let (mut world, group, carols) = with_offer(906);
    propose(&mut world, group, &carols);
    world
        .send_text("alice", group, "in the next epoch")
        .unwrap();
    assert_eq!(world.core("alice").members(group).unwrap().len(), 3);
}

#[test]
fn an_addition_that_another_member_proposed_stops_no_invitation() {
    let (mut world, group, carols) = with_offer(907);
    let task = world.core("alice").invite(group, &[user("dave")]).unwrap();
    propose(&mut world, group, &carols);
    world.finish("alice", task).unwrap();
    world.run("dave").unwrap();
    assert_eq!(world.warnings("dave"), []);
    assert_eq!(world.core("dave").members(group).unwrap().len(), 4);
    let epoch = world.core("alice").epoch_authenticator(group).unwrap();
    assert_eq!(
        world.core("dave").epoch_authenticator(group).unwrap(),
        epoch
    );
}

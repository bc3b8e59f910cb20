//! What a loaded group reads of its records: what a call needs, and no more.

use crate::kit::{Invitee, Memory, Person, services};
use folkmoot_crypto::{Secret, suite_one};
use folkmoot_mls::*;
use std::cell::Cell;
use std::ops::Range;

/// The first byte of the key of a node's record.
const NODE: u8 = b'N';

/// Records that count what is read of them, or fail.
struct Watched<'a> {
    records: &'a Memory,
    reads: Cell<usize>,
    scans: Cell<usize>,
    /// Reads of the tree's nodes.
    nodes: Cell<usize>,
    /// The reads that fail, counted from zero.
    fails: Range<usize>,
}

impl<'a> Watched<'a> {
    fn new(records: &'a Memory, fails: Range<usize>) -> Self {
        Self {
            records,
            reads: Cell::new(0),
            scans: Cell::new(0),
            nodes: Cell::new(0),
            fails,
        }
    }

    fn outcome<T>(&self, read: Result<T, RecordsError>) -> Result<T, RecordsError> {
        let this = self.reads.get() + self.scans.get() - 1;
        if self.fails.contains(&this) {
            return Err(RecordsError("the disk is gone".into()));
        }
        read
    }
}

impl Records for Watched<'_> {
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, RecordsError> {
        self.reads.set(self.reads.get() + 1);
        if key.0[0] == NODE {
            self.nodes.set(self.nodes.get() + 1);
        }
        self.outcome(self.records.get(key))
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError> {
        self.scans.set(self.scans.get() + 1);
        self.outcome(self.records.scan(prefix))
    }
}

/// The founder, and one who is as far from it as can be, of a group in which each subtree beside the
/// founder's way to the root has keys of its own, as after a while of life.
fn group_of(members: u32) -> (Person, Person) {
    let mut alice = Person::create("alice", Settings::default());
    let names = (1..members).map(|number| (format!("{number}"), u64::from(number)));
    let invitees = names.map(|(name, seed)| Invitee::new(&name, seed));
    let invitees: Vec<_> = invitees.collect();
    let bundle = alice.commit(CommitIntent {
        add: invitees.iter().map(Invitee::verified).collect(),
        force_path: true,
        ..CommitIntent::default()
    });
    alice.accept();
    let welcome = bundle.welcome.unwrap();
    let beside = invitees.into_iter().zip(1_u32..);
    let beside = beside.filter(|(_, leaf)| leaf.is_power_of_two());
    let joined = beside.map(|(one, _)| one.join(&welcome, Settings::default()).unwrap());
    let mut people: Vec<_> = core::iter::once(alice).chain(joined).collect();
    for committer in (0..people.len()).rev() {
        let commit = people[committer].commit(update()).commit;
        people[committer].accept();
        for (place, other) in people.iter_mut().enumerate() {
            if place != committer {
                other.receive(&commit).unwrap();
            }
        }
    }
    let bob = people.pop().unwrap();
    (people.swap_remove(0), bob)
}

fn update() -> CommitIntent {
    CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    }
}

/// What is read to process a commit, to add a client, and to open a message, each freshly loaded.
fn reads(members: u32) -> [usize; 3] {
    let (mut alice, bob) = group_of(members);
    let load = || Group::load(suite_one(), &bob.store, Settings::default()).unwrap();
    let text = alice.seal("hello");
    let commit = alice.commit(update()).commit;
    let delta = alice.group.discard_pending();
    alice.store.apply(delta);
    let receive = |message: MlsMessage| {
        let records = Watched::new(&bob.store, 0..0);
        let received = load().receive(message, services().with_records(&records));
        assert!(received.is_ok());
        assert_eq!(records.scans.get(), 0);
        records.reads.get()
    };
    let (opened, processed) = (receive(text), receive(commit));
    let records = Watched::new(&alice.store, 0..0);
    let intent = CommitIntent {
        add: vec![Invitee::new("somebody new", 900).verified()],
        tree_apart: true,
        ..CommitIntent::default()
    };
    let services = services().with_records(&records);
    let mut group = Group::load(suite_one(), &records, Settings::default()).unwrap();
    let before = (records.reads.get(), records.scans.get());
    let made = group.commit(intent, b"", services, &mut alice.rng);
    assert!(made.is_ok());
    assert_eq!(records.scans.get(), before.1);
    [processed, records.reads.get() - before.0, opened]
}

#[test]
fn what_is_read_grows_with_the_trees_height() {
    let (small, large) = (reads(15), reads(255));
    for (small, large) in small.into_iter().zip(large) {
        assert!(small > 0);
        // Seventeen times the members, twice the height.
        assert!(large <= 2 * small + 8, "{small} and {large}");
    }
}

#[test]
fn what_was_read_is_kept_and_in_time_forgotten() {
    let (mut alice, mut bob) = group_of(8);
    let mut reads = Vec::new();
    for _ in 0..200 {
        let commit = alice.commit(update()).commit;
        alice.accept();
        let records = Watched::new(&bob.store, 0..0);
        let incoming = bob.group.receive(commit, services().with_records(&records));
        let read = records.nodes.get();
        let delta = bob.group.apply(incoming.unwrap()).unwrap();
        bob.store.apply(delta);
        reads.push((bob.group.epoch().0, read));
    }
    assert_eq!(
        bob.group.epoch_authenticator(),
        alice.group.epoch_authenticator()
    );
    // The first of them was loaded, which had read nothing either.
    let (_, rest) = reads.split_first().unwrap();
    let read_again: Vec<_> = rest
        .iter()
        .filter(|(_, read)| *read > 0)
        .map(|(epoch, _)| epoch % 64)
        .collect();
    assert_eq!(read_again, [1, 1, 1], "{reads:?}");
}

#[test]
fn records_that_cannot_be_read_are_the_stores_fault_and_change_nothing() {
    let (mut alice, mut bob) = group_of(7);
    let before = bob.store.clone();
    let commit = alice.commit(update()).commit;
    let records = Watched::new(&before, 0..usize::MAX);
    let services = services().with_records(&records);
    let refused = bob.group.receive(commit.clone(), services).unwrap_err();
    assert_eq!(refused.fault(), Fault::Store);
    let refused = bob.group.commit(update(), b"", services, &mut bob.rng);
    assert_eq!(refused.unwrap_err().fault(), Fault::Store);
    assert!(bob.group.pending_commit().is_none());
    let refused = bob.group.members(&records).map(drop);
    assert_eq!(refused.unwrap_err().fault(), Fault::Store);
    bob.receive(&commit).unwrap();
}

/// Whichever read fails, a commit takes in all that waits or is not made.
#[test]
fn a_read_that_fails_leaves_no_proposal_out() {
    let (mut alice, mut bob) = group_of(7);
    let removal = bob.propose(ProposalIntent::Remove(LeafIndex(2)));
    alice.receive(&removal).unwrap();
    for one in 0.. {
        let records = Watched::new(&alice.store, one..one + 1);
        let services = services().with_records(&records);
        alice.group = Group::load(suite_one(), &alice.store, Settings::default()).unwrap();
        match alice.group.commit(update(), b"", services, &mut alice.rng) {
            Ok(_) => {
                assert!(one > 10, "{one} reads");
                break;
            }
            Err(error) => {
                assert_eq!(error.fault(), Fault::Store, "read {one}");
                assert!(alice.group.pending_commit().is_none());
            }
        }
    }
    let members = alice.group.pending_members(&alice.store).unwrap().unwrap();
    assert!(members.into_iter().all(|(leaf, _)| leaf != LeafIndex(2)));
}

#[test]
fn a_damaged_node_is_noticed() {
    let (_, bob) = group_of(7);
    let mut damaged = bob.store.clone();
    // The root's record says that a half has no members.
    let (root, key) = (NodeIndex::root(3), |index: NodeIndex| {
        RecordKey([&b"N"[..], &index.0.to_be_bytes()].concat())
    });
    let below = damaged.get(&key(root.left().unwrap())).unwrap().unwrap();
    damaged.apply(Delta {
        changes: vec![Change::Put {
            key: key(root),
            value: below,
        }],
    });
    let group = Group::load(suite_one(), &damaged, Settings::default()).unwrap();
    let refused = group.members(&damaged).map(drop).unwrap_err();
    assert_eq!(refused.fault(), Fault::Store);
    let mut missing = bob.store.clone();
    missing.apply(Delta {
        changes: vec![Change::Erase { key: key(root) }],
    });
    let group = Group::load(suite_one(), &missing, Settings::default()).unwrap();
    let refused = group.member(LeafIndex(0), &missing).map(drop).unwrap_err();
    assert_eq!(refused.fault(), Fault::Store);
}

#[test]
fn counts_that_no_tree_has_are_damage() {
    let (_, bob) = group_of(2);
    let key = RecordKey([&b"N"[..], &NodeIndex::root(1).0.to_be_bytes()].concat());
    let root = bob.store.get(&key).unwrap().unwrap().expose().to_vec();
    // It ends with two counts, members and resolution, a length and a hash for each child.
    let child = 4 + 4 + 1 + 32;
    let (left, right) = (root.len() - 2 * child, root.len() - child);
    assert_eq!(root[left..left + 8], [0, 0, 0, 1, 0, 0, 0, 1]);
    let refused = |counts: &[(usize, u8)]| {
        let mut root = root.clone();
        for (place, count) in counts {
            root[*place] = *count;
        }
        let mut damaged = bob.store.clone();
        let (key, value) = (key.clone(), Secret::from(root));
        damaged.apply(Delta {
            changes: vec![Change::Put { key, value }],
        });
        let group = Group::load(suite_one(), &damaged, Settings::default()).unwrap();
        let read = group.member(LeafIndex(1), &damaged);
        read.map(drop).err().map(|error| error.fault())
    };
    assert_eq!(refused(&[]), None);
    let more_members_than_places = [(left + 3, 0), (right + 3, 2)];
    assert_eq!(refused(&more_members_than_places), Some(Fault::Store));
    let another_resolution = [(right + 7, 2)];
    assert_eq!(refused(&another_resolution), Some(Fault::Store));
}

//! The life of a group: create, add, talk, update, remove.

use crate::kit::{Invitee, Person, add, agree};
use folkmoot_mls::*;

fn trio() -> (Person, Person, Person) {
    let mut alice = Person::create("alice", Settings::default());
    let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
    agree(&[&alice, &bob, &charlie]);
    (alice, bob, charlie)
}

#[test]
fn two_members_talk() {
    let mut alice = Person::create("alice", Settings::default());
    let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let hello = alice.seal("hello");
    assert_eq!(bob.read(&hello), "hello");
    let answer = bob.seal("hello yourself");
    assert_eq!(alice.read(&answer), "hello yourself");
}

#[test]
fn every_member_can_commit_and_all_agree() {
    let (mut alice, mut bob, mut charlie) = trio();
    for round in 0..4 {
        let force_path = CommitIntent {
            force_path: true,
            ..CommitIntent::default()
        };
        let people = [&mut alice, &mut bob, &mut charlie];
        let [a, b, c] = match round % 3 {
            0 => people,
            1 => {
                let [a, b, c] = people;
                [b, c, a]
            }
            _ => {
                let [a, b, c] = people;
                [c, a, b]
            }
        };
        let bundle = a.commit(force_path);
        a.accept();
        b.receive(&bundle.commit).unwrap();
        c.receive(&bundle.commit).unwrap();
        agree(&[a, b, c]);
        let message = c.seal("after");
        assert_eq!(a.read(&message), "after");
        assert_eq!(b.read(&message), "after");
    }
}

#[test]
fn a_removed_member_ends_and_reads_nothing_more() {
    let (mut alice, mut bob, mut charlie) = trio();
    let leaf = charlie.group.own_index();
    let bundle = bob.commit(CommitIntent {
        remove: vec![leaf],
        ..CommitIntent::default()
    });
    bob.accept();
    alice.receive(&bundle.commit).unwrap();
    let content = charlie.receive(&bundle.commit).unwrap();
    assert!(matches!(content, IncomingContent::Commit(summary) if summary.self_removed));
    agree(&[&alice, &bob]);
    let secret = alice.seal("without charlie");
    assert_eq!(bob.read(&secret), "without charlie");
    assert!(!charlie.group.is_active());
    let refused = charlie.receive(&secret).unwrap_err();
    assert!(matches!(refused, Error::State(StateError::NotMember)));
    assert!(charlie.group.export("test", b"", 32).is_err());
    assert_eq!(alice.group.members(&alice.store).unwrap().count(), 2);
}

#[test]
fn a_proposal_waits_for_anothers_commit() {
    let (mut alice, mut bob, mut charlie) = trio();
    let leave = charlie.propose(ProposalIntent::Remove(charlie.group.own_index()));
    let update = bob.propose(ProposalIntent::Update);
    for person in [&mut alice, &mut bob] {
        person.receive(&leave).unwrap();
    }
    for person in [&mut alice, &mut charlie] {
        person.receive(&update).unwrap();
    }
    let blocked = alice.group.seal(b"no", b"", &mut alice.rng).unwrap_err();
    assert!(matches!(
        blocked,
        Error::State(StateError::ProposalsPending)
    ));
    let before = bob
        .group
        .member(bob.group.own_index(), &bob.store)
        .unwrap()
        .cloned();
    let bundle = alice.commit(CommitIntent::default());
    alice.accept();
    bob.receive(&bundle.commit).unwrap();
    charlie.receive(&bundle.commit).unwrap();
    agree(&[&alice, &bob]);
    assert!(!charlie.group.is_active());
    assert_ne!(
        bob.group
            .member(bob.group.own_index(), &bob.store)
            .unwrap()
            .cloned(),
        before
    );
    let message = alice.seal("on");
    assert_eq!(bob.read(&message), "on");
}

#[test]
fn a_lost_race_is_rebased() {
    let (mut alice, mut bob, mut charlie) = trio();
    let force_path = CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    };
    let first = alice.commit(force_path.clone());
    let second = bob.commit(force_path.clone());
    alice.accept();
    bob.receive(&first.commit).unwrap();
    assert!(bob.group.pending_commit().is_none());
    charlie.receive(&first.commit).unwrap();
    let late = charlie.receive(&second.commit).unwrap_err();
    assert!(matches!(late, Error::WrongEpoch { .. }));
    let again = bob.commit(force_path);
    bob.accept();
    alice.receive(&again.commit).unwrap();
    charlie.receive(&again.commit).unwrap();
    agree(&[&alice, &bob, &charlie]);
}

#[test]
fn the_own_commit_coming_back_is_recognised() {
    let (mut alice, ..) = trio();
    let bundle = alice.commit(CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    });
    assert!(matches!(
        alice.receive(&bundle.commit),
        Err(Error::OwnCommit)
    ));
    alice.accept();
    assert!(matches!(
        alice.receive(&bundle.commit),
        Err(Error::WrongEpoch { .. })
    ));
}

#[test]
fn messages_out_of_order_and_of_past_epochs_are_read_once() {
    let (mut alice, mut bob, mut charlie) = trio();
    let messages: Vec<_> = (0..5)
        .map(|n| alice.seal(&format!("message {n}")))
        .collect();
    assert_eq!(bob.read(&messages[4]), "message 4");
    assert_eq!(bob.read(&messages[1]), "message 1");
    assert!(matches!(
        bob.receive(&messages[1]),
        Err(Error::KeyConsumed { generation: 1 })
    ));
    let bundle = charlie.commit(CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    });
    charlie.accept();
    bob.receive(&bundle.commit).unwrap();
    assert_eq!(bob.read(&messages[0]), "message 0");
    assert!(matches!(
        bob.receive(&messages[0]),
        Err(Error::KeyConsumed { generation: 0 })
    ));
    for _ in 0..3 {
        let bundle = charlie.commit(CommitIntent {
            force_path: true,
            ..CommitIntent::default()
        });
        charlie.accept();
        bob.receive(&bundle.commit).unwrap();
    }
    assert!(matches!(
        bob.receive(&messages[2]),
        Err(Error::WrongEpoch { .. })
    ));
}

#[test]
fn a_sender_that_restarts_uses_no_key_again() {
    let (mut alice, mut bob, _) = trio();
    let (mut written, mut largest) = (0, 0);
    for sent in 0..300_usize {
        let text = sent.to_string();
        let (message, delta) = alice
            .group
            .seal(text.as_bytes(), b"aad", &mut alice.rng)
            .unwrap();
        written += usize::from(!delta.changes.is_empty());
        if sent > 0 {
            largest = largest.max(bytes(&delta));
        }
        alice.store.apply(delta);
        assert_eq!(bob.read(&message), text);
        // As after a crash at any time.
        if [1, 2, 60, 61, 150].contains(&sent) {
            alice.reload();
        }
    }
    assert!(written < 60, "{written} of 300 wrote");
    assert!(largest <= 200, "{largest} bytes in one");
}

fn bytes(delta: &Delta) -> usize {
    let lengths = delta.changes.iter().map(|change| match change {
        Change::Put { key, value } => key.0.len() + value.len(),
        Change::Erase { key } => key.0.len(),
        Change::EraseAll { prefix } => prefix.0.len(),
    });
    lengths.sum()
}

#[test]
fn the_sender_of_a_late_message_is_the_one_of_its_epoch() {
    let (mut alice, mut bob, mut charlie) = trio();
    let late = charlie.seal("before I went");
    let leaf = charlie.group.own_index();
    let bundle = alice.commit(CommitIntent {
        remove: vec![leaf],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.receive(&bundle.commit).unwrap();
    let dora = add(&mut alice, &mut [&mut bob], Invitee::new("dora", 9));
    assert_eq!(dora.group.own_index(), leaf);
    let IncomingContent::Application(message) = bob.receive(&late).unwrap() else {
        panic!()
    };
    assert_eq!(message.credential, Credential::Basic(b"charlie".into()));
}

#[test]
fn a_group_grows_and_shrinks() {
    let mut people = vec![Person::create("p0", Settings::default())];
    for n in 1..9_u64 {
        let (first, rest) = people.split_first_mut().unwrap();
        let mut others: Vec<&mut Person> = rest.iter_mut().collect();
        let joined = add(first, &mut others, Invitee::new(&format!("p{n}"), n));
        people.push(joined);
    }
    agree(&people.iter().collect::<Vec<_>>());
    while people.len() > 1 {
        let gone = people.remove(people.len() / 2);
        let leaf = gone.group.own_index();
        let last = people.len() - 1;
        let intent = CommitIntent {
            remove: vec![leaf],
            ..CommitIntent::default()
        };
        let bundle = people[last].commit(intent);
        people[last].accept();
        for person in &mut people[..last] {
            person.receive(&bundle.commit).unwrap();
        }
        agree(&people.iter().collect::<Vec<_>>());
    }
}

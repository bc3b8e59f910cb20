//! What waits for a commit, and what a commit takes of it.

use crate::kit::{Invitee, Person, add, agree, services};
use folkmoot_crypto::suite_one;
use folkmoot_mls::*;

fn trio() -> (Person, Person, Person) {
    let mut alice = Person::create("alice", Settings::default());
    let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let carol = add(&mut alice, &mut [&mut bob], Invitee::new("carol", 2));
    (alice, bob, carol)
}

/// `from` proposes, `to` learns of it.
fn propose(from: &mut Person, to: &mut Person, intent: ProposalIntent) {
    let message = from.propose(intent);
    to.receive(&message).unwrap();
}

fn adding(name: &str, seed: u64) -> ProposalIntent {
    ProposalIntent::Add(Invitee::new(name, seed).verified())
}

fn successor() -> ReInit {
    ReInit {
        group_id: GroupId::new(b"next".to_vec()),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite_one().suite(),
        extensions: Extensions::default(),
    }
}

#[test]
fn what_only_others_can_commit_does_not_stop_a_sender() {
    let (mut alice, mut bob, _) = trio();
    let own = alice.group.own_index();
    propose(&mut alice, &mut bob, ProposalIntent::Update);
    propose(&mut alice, &mut bob, ProposalIntent::Remove(own));
    assert!(!alice.group.has_proposals_to_commit());
    assert!(bob.group.has_proposals_to_commit());
    let text = alice.seal("still here");
    assert_eq!(bob.read(&text), "still here");
}

#[test]
fn a_sender_commits_first_what_it_proposed_for_others() {
    for carol_goes in [true, false] {
        let (mut alice, mut bob, carol) = trio();
        let intent = if carol_goes {
            ProposalIntent::Remove(carol.group.own_index())
        } else {
            adding("dora", 3)
        };
        propose(&mut alice, &mut bob, intent);
        assert!(alice.group.has_proposals_to_commit());
        let sealed = alice.group.seal(b"too early", b"", &mut alice.rng);
        assert!(matches!(
            sealed.unwrap_err(),
            Error::State(StateError::ProposalsPending)
        ));
        let bundle = alice.commit(CommitIntent::default());
        alice.accept();
        bob.receive(&bundle.commit).unwrap();
        agree(&[&alice, &bob]);
        let members = alice.group.members(&alice.store).unwrap().count();
        assert_eq!(members, if carol_goes { 2 } else { 4 });
        let text = alice.seal("now");
        assert_eq!(bob.read(&text), "now");
    }
}

#[test]
fn a_commit_takes_what_goes_together() {
    let (mut alice, mut bob, carol) = trio();
    let carol = carol.group.own_index();
    propose(&mut alice, &mut bob, ProposalIntent::ReInit(successor()));
    propose(&mut alice, &mut bob, ProposalIntent::Update);
    propose(&mut alice, &mut bob, adding("dora", 3));
    propose(&mut bob, &mut alice, adding("dora", 4));
    propose(&mut alice, &mut bob, adding("carol", 5));
    propose(&mut alice, &mut bob, adding("bob", 6));
    propose(&mut alice, &mut bob, ProposalIntent::Remove(carol));
    propose(&mut bob, &mut alice, ProposalIntent::Remove(carol));
    let none = Extensions::default();
    for extensions in [
        none.clone(),
        none.requiring(&RequiredCapabilities::default()),
    ] {
        propose(&mut alice, &mut bob, ProposalIntent::Extensions(extensions));
    }
    propose(&mut alice, &mut bob, ProposalIntent::Update);
    propose(&mut bob, &mut alice, ProposalIntent::Update);
    let erin = Invitee::new("erin", 7);
    let bundle = bob.commit(CommitIntent {
        add: vec![erin.verified()],
        ..CommitIntent::default()
    });
    bob.accept();
    let Ok(IncomingContent::Commit(summary)) = alice.receive(&bundle.commit) else {
        panic!("not taken");
    };
    agree(&[&alice, &bob]);
    let mut names: Vec<_> = summary.added.iter().map(|(_, who)| who.clone()).collect();
    names.sort_by_key(|who| format!("{who:?}"));
    let expected = ["carol", "dora", "erin"];
    assert_eq!(
        names,
        expected.map(|n| Credential::Basic(n.as_bytes().into()))
    );
    assert_eq!(summary.removed.len(), 1);
    assert_eq!(summary.updated, [alice.group.own_index()]);
    assert_eq!(summary.reinit, None);
    let joined = erin.join(&bundle.welcome.unwrap(), Settings::default());
    agree(&[&bob, &joined.unwrap()]);
}

#[test]
fn a_committer_with_a_clock_leaves_expired_key_packages_out() {
    let add = |at: u64| CommitIntent {
        add: vec![Invitee::new("erin", 4).verified()],
        at: Some(Timestamp(at)),
        ..CommitIntent::default()
    };
    for (at, added) in [
        (None, 1),
        (Some(1_500), 1),
        (Some(2_001), 0),
        (Some(999), 0),
    ] {
        let (mut alice, mut bob, _) = trio();
        propose(&mut alice, &mut bob, adding("dora", 3));
        let bundle = bob.commit(CommitIntent {
            at: at.map(Timestamp),
            ..CommitIntent::default()
        });
        assert_eq!(bundle.added.len(), added, "{at:?}");
        alice.receive(&bundle.commit).unwrap();
        bob.accept();
        agree(&[&alice, &bob]);
    }
    let (mut alice, ..) = trio();
    let refused = alice.group.commit(
        add(2_001),
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused.unwrap_err(),
        Error::State(StateError::Refused(Check::LifetimeContainsNow))
    ));
    assert_eq!(alice.commit(add(2_000)).added.len(), 1);
}

#[test]
fn nobody_is_invited_into_an_epoch_that_ends_the_group() {
    let (mut alice, ..) = trio();
    assert!(
        alice
            .group
            .pending_group_info(true, &alice.store)
            .unwrap()
            .is_none()
    );
    let _ = alice.commit(CommitIntent::default());
    assert!(
        alice
            .group
            .pending_group_info(true, &alice.store)
            .unwrap()
            .is_some()
    );
    let delta = alice.group.discard_pending();
    alice.store.apply(delta);
    let _ = alice.commit(CommitIntent {
        reinit: Some(successor()),
        ..CommitIntent::default()
    });
    assert!(
        alice
            .group
            .pending_group_info(true, &alice.store)
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_removed_member_has_no_secret_of_the_group() {
    let (mut alice, _, mut carol) = trio();
    let epoch = carol.group.epoch();
    let bundle = alice.commit(CommitIntent {
        remove: vec![carol.group.own_index()],
        ..CommitIntent::default()
    });
    assert!(carol.group.epoch_authenticator().is_ok());
    carol.receive(&bundle.commit).unwrap();
    assert_eq!(
        carol.group.epoch_authenticator(),
        Err(StateError::NotMember)
    );
    let exported = carol.group.export("test", b"", 32).unwrap_err();
    assert!(matches!(exported, Error::State(StateError::NotMember)));
    for past in 0..=epoch.0 {
        assert_eq!(carol.group.resumption_psk(Epoch(past)), None);
    }
}

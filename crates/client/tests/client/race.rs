//! Two commits for one epoch.

use folkmoot_client::core::Outcome;
use folkmoot_client::{CommitSummary, Error, Event};

use crate::world::{World, user};

fn committed(outcome: Option<Result<Outcome, Error>>) -> CommitSummary {
    match outcome {
        Some(Ok(Outcome::Committed(summary))) => summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_two_rivals_one_is_first_and_the_other_lands_after_it() {
    let (mut world, group) = World::with_group(1, &["alice", "bob"]);
    for race in 0..200 {
        let alice = world.core("alice").update(group).unwrap();
        let bob = world.core("bob").update(group).unwrap();
        world.settle();
        let one = committed(world.core("alice").take_outcome(alice));
        let other = committed(world.core("bob").take_outcome(bob));
        assert_eq!(one.epoch.abs_diff(other.epoch), 1, "race {race}");
        assert_eq!(
            one.epoch.max(other.epoch),
            2 * race + 3,
            "race {race}: no epoch is lost"
        );
    }
    world.assert_agreed(group, &["alice", "bob"]);
    world.assert_no_warnings();
    for name in ["alice", "bob"] {
        let epochs: Vec<u64> = world
            .events(name)
            .iter()
            .filter_map(|event| match event {
                Event::Committed { epoch, .. } => Some(*epoch),
                _ => None,
            })
            .collect();
        assert!(
            epochs.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{name}: {epochs:?}"
        );
    }
}

#[test]
fn messages_sealed_while_others_commit_arrive_once() {
    let (mut world, group) = World::with_group(2, &["alice", "bob", "carol"]);
    let mut sent = Vec::new();
    for turn in 0..20 {
        world.core("alice").update(group).unwrap();
        for name in ["bob", "carol"] {
            let text = format!("{name} {turn}");
            world.core(name).send(group, &text).unwrap();
            sent.push(text);
        }
        world.settle();
    }
    world.assert_agreed(group, &["alice", "bob", "carol"]);
    world.assert_no_warnings();
    sent.sort();
    let mut texts = world.texts("alice", group);
    texts.sort();
    assert_eq!(texts, sent);
}

#[test]
fn two_who_invite_different_people_at_once_both_succeed() {
    for seed in 0..10 {
        let mut world = World::of(seed, &["alice", "bob", "carol", "dave"]);
        let group = world.create("alice");
        world.core("alice").invite(group, &[user("bob")]).unwrap();
        world.settle();
        world.core("alice").invite(group, &[user("carol")]).unwrap();
        world.core("bob").invite(group, &[user("dave")]).unwrap();
        world.settle();
        world.assert_agreed(group, &["alice", "bob", "carol", "dave"]);
        world.assert_no_warnings();
    }
}

#[test]
fn two_who_remove_the_same_person_at_once_do_it_once() {
    for seed in 0..10 {
        let (mut world, group) = World::with_group(seed, &["alice", "bob", "carol"]);
        world.core("alice").remove(group, &user("carol")).unwrap();
        world.core("bob").remove(group, &user("carol")).unwrap();
        world.settle();
        world.assert_agreed(group, &["alice", "bob"]);
        world.assert_no_warnings();
    }
}

#[test]
fn two_who_leave_at_once_are_both_taken_out() {
    for seed in 0..10 {
        let (mut world, group) = World::with_group(seed, &["alice", "bob", "carol", "dave"]);
        world.core("bob").leave(group).unwrap();
        world.core("carol").leave(group).unwrap();
        world.settle();
        world.settle();
        world.assert_agreed(group, &["alice", "dave"]);
    }
}

//! Whatever the network does, all come to the same.

use folkmoot_client::core::Outcome;
use folkmoot_client::{Error, Event};
use folkmoot_store::client::{ClientStore, GroupState};

use crate::world::{World, user};

#[test]
fn three_people_talk_over_a_network_that_loses_and_doubles() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        (world.lost, world.doubled) = (15, 25);
        for name in ["alice", "bob", "carol"] {
            world.arrive(name);
            world.run(name).unwrap();
        }
        let group = world.create("alice");
        world
            .core("alice")
            .invite(group, &[user("bob"), user("carol")])
            .unwrap();
        world.settle();
        let mut sent = Vec::new();
        for turn in 0..12 {
            let name = ["alice", "bob", "carol"][world.below(3) as usize];
            let text = format!("{name} {turn}");
            world.core(name).send(group, &text).unwrap();
            sent.push(text);
            if turn % 4 == 3 {
                world.core(name).update(group).unwrap();
            }
            if world.below(2) == 0 {
                world.run(name).unwrap();
            }
        }
        world.settle();
        world.assert_agreed(group, &["alice", "bob", "carol"]);
        world.assert_no_warnings();
        sent.sort();
        for name in ["alice", "bob", "carol"] {
            let mut texts = world.texts(name, group);
            texts.sort();
            assert_eq!(
                texts, sent,
                "seed {seed}: {name} has each message exactly once"
            );
        }
    }
}

#[test]
fn a_joiner_reads_what_follows_and_nothing_before() {
    let mut world = World::of(1, &["alice", "bob"]);
    let group = world.create("alice");
    world.send_text("alice", group, "before").unwrap();
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    let Outcome::Committed(commit) = world.finish("alice", task).unwrap() else {
        panic!()
    };
    assert_eq!(commit.added, [user("bob").device("phone").unwrap()]);
    world.send_text("alice", group, "after").unwrap();
    world.run("bob").unwrap();
    assert_eq!(world.texts("bob", group), ["after"]);
    assert_eq!(world.texts("alice", group), ["before", "after"]);
    let joined = world.events("bob").iter().any(
        |event| matches!(event, Event::Joined { name, members, .. } if name == "books" && members.len() == 2),
    );
    assert!(joined);
    world.assert_agreed(group, &["alice", "bob"]);
    world.assert_no_warnings();
}

#[test]
fn whoever_is_removed_reads_nothing_that_follows_and_cannot_send() {
    let (mut world, group) = World::with_group(2, &["alice", "bob", "carol"]);
    world.send_text("alice", group, "to all").unwrap();
    let task = world.core("alice").remove(group, &user("bob")).unwrap();
    world.finish("alice", task).unwrap();
    world.send_text("alice", group, "to carol").unwrap();
    // Bob does not know yet.
    let refused = world.send_text("bob", group, "may I?");
    assert!(
        matches!(refused, Err(Error::NotMember { .. })),
        "{refused:?}"
    );
    assert_eq!(world.texts("bob", group), ["to all"]);
    let again = world.core("bob").send(group, "please");
    assert!(matches!(again, Err(Error::NotMember { .. })));
    let row = world.store("bob").group(&group).unwrap().unwrap();
    assert_eq!(row.state, GroupState::Removed);
    let removed = world
        .events("bob")
        .iter()
        .any(|event| matches!(event, Event::Removed { .. }));
    assert!(removed);
    world.settle();
    world.assert_agreed(group, &["alice", "carol"]);
    world.assert_no_warnings();
}

#[test]
fn one_who_leaves_is_taken_out_by_the_next_command_of_anyone() {
    let (mut world, group) = World::with_group(3, &["alice", "bob", "carol"]);
    let task = world.core("bob").leave(group).unwrap();
    assert_eq!(world.finish("bob", task).unwrap(), Outcome::LeaveProposed);
    world.send_text("carol", group, "bye bob").unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "carol"]);
    let row = world.store("bob").group(&group).unwrap().unwrap();
    assert_eq!(row.state, GroupState::Removed);
    assert_eq!(
        world.texts("bob", group),
        Vec::<String>::new(),
        "the commit came first"
    );
    world.assert_no_warnings();
}

#[test]
fn a_leave_that_was_lost_with_its_epoch_is_proposed_again() {
    for seed in 0..10 {
        let (mut world, group) = World::with_group(100 + seed, &["alice", "bob", "carol"]);
        world.core("bob").leave(group).unwrap();
        // Carol commits without having seen the proposal, or loses to whoever has.
        world.core("carol").update(group).unwrap();
        world.core("alice").update(group).unwrap();
        world.settle();
        world.settle();
        world.assert_agreed(group, &["alice", "carol"]);
        let row = world.store("bob").group(&group).unwrap().unwrap();
        assert_eq!(row.state, GroupState::Removed, "seed {seed}");
    }
}

#[test]
fn the_last_one_can_leave_too() {
    let (mut world, group) = World::with_group(4, &["alice"]);
    let task = world.core("alice").leave(group).unwrap();
    world.finish("alice", task).unwrap();
    let row = world.store("alice").group(&group).unwrap().unwrap();
    assert_eq!(row.state, GroupState::Removed);
}

#[test]
fn a_session_that_ended_is_opened_again() {
    let (mut world, group) = World::with_group(5, &["alice", "bob", "carol"]);
    world.now.0 += 10 * 3600;
    let task = world.core("alice").remove(group, &user("carol")).unwrap();
    world.finish("alice", task).unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing_behind() {
    let (mut world, group) = World::with_group(6, &["alice", "bob"]);
    let task = world
        .core("alice")
        .invite(group, &[user("nobody")])
        .unwrap();
    let refused = world.finish("alice", task);
    assert!(
        matches!(refused, Err(Error::UnknownUser { .. })),
        "{refused:?}"
    );
    let twice = world.core("alice").invite(group, &[user("bob")]);
    assert!(matches!(twice, Err(Error::AlreadyMember { .. })));
    let absent = world.core("alice").remove(group, &user("carol"));
    assert!(matches!(absent, Err(Error::NoSuchMember { .. })));
    let long = "x".repeat(folkmoot_client::MAX_TEXT + 1);
    let too_large = world.core("alice").send(group, &long);
    assert!(matches!(too_large, Err(Error::TooLarge { .. })));
    assert_eq!(world.store("alice").intents().unwrap(), []);
    world.send_text("alice", group, "still here").unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
}

#[test]
fn key_packages_run_out_and_are_made_again() {
    let mut world = World::of(7, &["alice", "bob"]);
    let claims = |world: &mut World| {
        let group = world.create("alice");
        let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
        world.finish("alice", task)
    };
    let invited = (0..40).take_while(|_| claims(&mut world).is_ok()).count();
    assert_eq!(invited, 20, "the target of key packages");
    let refused = claims(&mut world);
    assert!(
        matches!(refused, Err(Error::NoKeyPackages { .. })),
        "{refused:?}"
    );
    world.run("bob").unwrap();
    assert_eq!(
        world.store("bob").groups().unwrap().len(),
        20,
        "every invitation was good"
    );
    claims(&mut world).unwrap();
    world.assert_no_warnings();
}

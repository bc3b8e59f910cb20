//! A client that is dropped anywhere, or whose disk refuses any write, goes on as if nothing had
//! been.

use folkmoot_client::Error;
use folkmoot_protocol::GroupId;
use folkmoot_store::client::ClientStore;

use crate::world::{World, user};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// Figure 2 of RFC 9750 in short: invite, talk, update, remove, talk.
fn play(world: &mut World, run: &mut dyn FnMut(&mut World, &str)) -> GroupId {
    let group = world.create("alice");
    run(world, "alice");
    world
        .core("alice")
        .invite(group, &[user("bob"), user("carol")])
        .unwrap();
    run(world, "alice");
    run(world, "bob");
    world.core("bob").send(group, "one").unwrap();
    run(world, "bob");
    run(world, "carol");
    world.core("carol").update(group).unwrap();
    world.core("carol").send(group, "two").unwrap();
    run(world, "carol");
    world.core("alice").remove(group, &user("carol")).unwrap();
    world.core("alice").send(group, "three").unwrap();
    run(world, "alice");
    run(world, "bob");
    group
}

fn assert_played(world: &mut World, group: GroupId) {
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
    assert_eq!(world.texts("alice", group), ["one", "two", "three"]);
    assert_eq!(world.texts("bob", group), ["one", "two", "three"]);
    assert_eq!(world.texts("carol", group), ["one", "two"]);
    world.assert_no_warnings();
}

#[test]
fn a_crash_between_any_two_effects_changes_nothing() {
    let mut crashes = 0;
    loop {
        let mut world = World::of(1, &NAMES);
        world.crash_in = Some(crashes);
        let group = play(&mut world, &mut |world, name| world.run(name).unwrap());
        let crashed = world.crash_in.is_none();
        world.crash_in = None;
        assert_played(&mut world, group);
        if !crashed {
            break;
        }
        crashes += 1;
    }
    assert!(
        crashes > 60,
        "{crashes} places to crash at are too few to mean anything"
    );
}

#[test]
fn crashes_again_and_again_over_a_bad_network_change_nothing() {
    for seed in 0..10 {
        let mut world = World::of(seed, &NAMES);
        (world.lost, world.doubled) = (10, 20);
        let group = play(&mut world, &mut |world, name| {
            world.crash_in = Some(world.below(12) as usize);
            world.run(name).unwrap();
        });
        world.crash_in = None;
        assert_played(&mut world, group);
    }
}

#[test]
fn a_write_that_fails_anywhere_changes_nothing() {
    let mut failures = 0;
    for name in NAMES {
        for writes in 0.. {
            let mut world = World::of(1, &NAMES);
            let mut left = Some(writes);
            let group = play(&mut world, &mut |world, runner| {
                if runner == name {
                    world.fail_write(name, left);
                }
                match world.run(runner) {
                    Ok(()) => {}
                    // What was begun goes on in the same process, from what is on disk.
                    Err(Error::Store(_)) => world.run(runner).unwrap(),
                    Err(error) => panic!("{runner}: {error}"),
                }
                if runner == name {
                    left = world.store(name).fails_in;
                    world.fail_write(name, None);
                }
            });
            assert_played(&mut world, group);
            if left.is_some() {
                break;
            }
            failures += 1;
        }
    }
    assert!(
        failures > 40,
        "{failures} failed writes are too few to mean anything"
    );
}

#[test]
fn a_registration_that_was_cut_off_can_be_repeated() {
    let mut cuts = 0;
    loop {
        let mut world = World::new(1);
        world.arrive("alice");
        world.crash_in = Some(cuts);
        world.run("alice").unwrap();
        let cut = world.crash_in.is_none();
        assert!(world.core("alice").is_registered());
        assert_eq!(world.store("alice").key_packages_to_upload(9).unwrap(), []);
        if !cut {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 8);
}

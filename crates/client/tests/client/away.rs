//! What happens to those who are away meanwhile.

use folkmoot_store::client::{ClientStore, GroupState};

use crate::world::{World, user};

#[test]
fn much_happens_while_one_is_away() {
    let (mut world, group) = World::with_group(1, &["alice", "bob"]);
    for number in 0..300 {
        let text = format!("message {number}");
        world.send_text("alice", group, &text).unwrap();
        if number % 50 == 0 {
            let task = world.core("alice").update(group).unwrap();
            world.finish("alice", task).unwrap();
        }
    }
    world.run("bob").unwrap();
    assert_eq!(world.texts("bob", group), world.texts("alice", group));
    assert_eq!(world.texts("bob", group).len(), 300);
    world.assert_agreed(group, &["alice", "bob"]);
    world.assert_no_warnings();
}

#[test]
fn one_who_was_removed_can_be_invited_again() {
    let (mut world, group) = World::with_group(2, &["alice", "bob"]);
    let task = world.core("alice").remove(group, &user("bob")).unwrap();
    world.finish("alice", task).unwrap();
    world.run("bob").unwrap();
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.send_text("alice", group, "welcome back").unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
    assert_eq!(world.texts("bob", group), ["welcome back"]);
    world.assert_no_warnings();
}

#[test]
fn one_who_was_removed_and_invited_again_while_away_comes_back() {
    let (mut world, group) = World::with_group(3, &["alice", "bob"]);
    let task = world.core("alice").remove(group, &user("bob")).unwrap();
    world.finish("alice", task).unwrap();
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.send_text("alice", group, "welcome back").unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
    assert_eq!(world.texts("bob", group), ["welcome back"]);
}

#[test]
fn one_who_was_invited_and_removed_while_away_learns_of_both() {
    let mut world = World::of(4, &["alice", "bob"]);
    let group = world.create("alice");
    let task = world.core("alice").invite(group, &[user("bob")]).unwrap();
    world.finish("alice", task).unwrap();
    world.send_text("alice", group, "hello").unwrap();
    let task = world.core("alice").remove(group, &user("bob")).unwrap();
    world.finish("alice", task).unwrap();
    world.send_text("alice", group, "without bob").unwrap();
    world.run("bob").unwrap();
    let row = world.store("bob").group(&group).unwrap().unwrap();
    assert_eq!(row.state, GroupState::Removed);
    assert_eq!(world.texts("bob", group), ["hello"]);
    world.assert_no_warnings();
}

#[test]
fn a_device_certificate_is_renewed_before_it_ends() {
    let (mut world, group) = World::with_group(5, &["alice", "bob"]);
    for _ in 0..8 {
        world.now.0 += 30 * 86_400;
        world.settle();
    }
    let task = world.core("alice").update(group).unwrap();
    world.finish("alice", task).unwrap();
    world.settle();
    world.assert_agreed(group, &["alice", "bob"]);
}

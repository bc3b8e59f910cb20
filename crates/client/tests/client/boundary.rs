//! A client that is dropped at each boundary of each step: before its request is sent, once the
//! request has had its effect, once the answer is taken.

use folkmoot_protocol::Sequence;
use folkmoot_store::client::{ClientStore, GroupState};

use crate::stage::Stage;
use crate::world::user;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// Drops the client that reaches boundary `k` of all that are passed.
struct Countdown {
    left: Option<usize>,
}

impl Countdown {
    fn reached(&mut self) -> bool {
        match self.left {
            Some(0) => {
                self.left = None;
                true
            }
            Some(left) => {
                self.left = Some(left - 1);
                false
            }
            None => false,
        }
    }
}

/// One round of somebody, in which each boundary may be the last.
fn run(stage: &mut Stage, name: &str, countdown: &mut Countdown) {
    stage.begin(name);
    while let Some(request) = stage.ask(name) {
        if countdown.reached() {
            stage.crash(name);
            continue;
        }
        let answer = stage.carry(&request);
        if countdown.reached() {
            stage.crash(name);
            continue;
        }
        stage.take(name, answer);
        if countdown.reached() {
            stage.crash(name);
        }
    }
}

/// Create, invite, send, update, remove, leave.
fn play(stage: &mut Stage, countdown: &mut Countdown) {
    let group = stage.group;
    run(stage, "alice", countdown);
    let both = [user("bob"), user("carol")];
    stage.world.core("alice").invite(group, &both).unwrap();
    run(stage, "alice", countdown);
    run(stage, "bob", countdown);
    run(stage, "carol", countdown);
    stage.world.core("bob").send(group, "one").unwrap();
    run(stage, "bob", countdown);
    stage.world.core("carol").update(group).unwrap();
    stage.world.core("carol").send(group, "two").unwrap();
    run(stage, "carol", countdown);
    let carol = user("carol");
    stage.world.core("alice").remove(group, &carol).unwrap();
    stage.world.core("alice").send(group, "three").unwrap();
    run(stage, "alice", countdown);
    run(stage, "carol", countdown);
    run(stage, "bob", countdown);
    stage.world.core("bob").leave(group).unwrap();
    run(stage, "bob", countdown);
    stage.world.core("alice").send(group, "four").unwrap();
    run(stage, "alice", countdown);
    run(stage, "bob", countdown);
}

fn assert_played(stage: &mut Stage, k: usize) {
    stage.settle();
    let texts = |stage: &mut Stage, name| -> Vec<String> {
        let rows = stage.rows(name).into_iter();
        rows.map(|row| row.text).collect()
    };
    assert_eq!(
        texts(stage, "alice"),
        ["one", "two", "three", "four"],
        "{k}"
    );
    assert_eq!(texts(stage, "bob"), ["one", "two", "three"], "{k}");
    assert_eq!(texts(stage, "carol"), ["one", "two"], "{k}");
    let group = stage.group;
    stage.world.assert_agreed(group, &["alice"]);
    for name in ["bob", "carol"] {
        let store = stage.world.store(name);
        let row = store.group(&group).unwrap().unwrap();
        assert_eq!(row.state, GroupState::Removed, "{k}: {name}");
        assert_eq!(store.intents().unwrap(), [], "{k}: {name}");
        assert_eq!(store.outgoing(&group).unwrap(), None, "{k}: {name}");
    }
    // Four messages, invitation, update, removal, wish to leave and its commit: nothing twice.
    let row = stage.world.store("alice").group(&group).unwrap().unwrap();
    assert_eq!((row.cursor, row.epoch.0), (Sequence(9), 4), "{k}");
    stage.assert_no_warnings();
}

#[test]
fn a_crash_at_any_boundary_of_any_step_changes_nothing() {
    let mut k = 0;
    loop {
        let mut stage = Stage::new(1, &NAMES);
        let mut countdown = Countdown { left: Some(k) };
        play(&mut stage, &mut countdown);
        assert_played(&mut stage, k);
        if countdown.left.is_some() {
            break;
        }
        k += 1;
    }
    assert!(k > 200, "{k} boundaries are too few to mean anything");
}

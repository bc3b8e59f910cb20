//! What scripts keep clear of is there: each of these tests fails once the peer has mended it.

use interop::Engine::{self, Folkmoot, MlsRs, OpenMls};
use interop::{Divergence, Handshakes, Plan, Proposed, Settings, Tree, World};

fn group(cast: &[Engine]) -> Result<World, Divergence> {
    let settings = Settings {
        suite: 1,
        handshakes: Handshakes::Public,
        tree: Tree::Inside,
    };
    let mut world = World::new(settings, 0, cast[0])?;
    let plan = Plan {
        adds: cast[1..].to_vec(),
        ..Plan::default()
    };
    world.commit(0, &plan)?;
    Ok(world)
}

/// The last operation must fail, at this member and for this reason.
fn assert_refused(outcome: Result<(), Divergence>, expected: &str) {
    let found = outcome.expect_err("the peer has mended it: let scripts draw it again");
    assert!(found.what.contains(expected), "{found}");
}

#[test]
fn mls_rs_commits_two_updates_of_one_member() {
    for (judge, verdict) in [
        (Folkmoot, "refuses a commit: Invalid(OneChangePerLeaf)"),
        (
            OpenMls,
            "refuses a commit: InvalidCommit(UpdatePathError(ParentHashMismatch))",
        ),
    ] {
        let mut world = group(&[MlsRs, judge, judge]).expect("all agree so far");
        for _ in 0..2 {
            world.propose(1, Proposed::Update).expect("a proposal");
        }
        assert_refused(world.commit(0, &Plan::default()), verdict);
    }
}

#[test]
fn mls_rs_commits_an_update_of_a_member_that_it_removes() {
    for (judge, verdict) in [
        (Folkmoot, "refuses a commit: Invalid(OneChangePerLeaf)"),
        (OpenMls, "DuplicateMemberRemoval"),
    ] {
        let mut world = group(&[MlsRs, judge, judge]).expect("all agree so far");
        world.propose(1, Proposed::Update).expect("a proposal");
        world.propose(2, Proposed::Update).expect("a proposal");
        let plan = Plan {
            removes: vec![2],
            ..Plan::default()
        };
        assert_refused(world.commit(0, &plan), verdict);
    }
}

#[test]
fn mls_rs_does_not_open_late_messages_of_former_members() {
    let mut world = group(&[MlsRs, Folkmoot, MlsRs]).expect("all agree so far");
    world.talk(1, 8, true).expect("some are opened");
    let plan = Plan {
        removes: vec![1],
        ..Plan::default()
    };
    world.commit(0, &plan).expect("a removal");
    world
        .deliver(false)
        .expect("what it does not open is withheld");
    assert!(world.tally().withheld > 0, "{}", world.tally());
}

#[test]
fn openmls_derives_own_pre_shared_keys_first() {
    for (judge, verdict) in [
        (Folkmoot, "refuses a commit: Invalid(ConfirmationTag)"),
        (MlsRs, "refuses a commit: InvalidConfirmationTag"),
    ] {
        let mut world = group(&[OpenMls, judge]).expect("all agree so far");
        world.propose(1, Proposed::Psk).expect("a proposal");
        let plan = Plan {
            psks: 1,
            ..Plan::default()
        };
        assert_refused(world.commit(0, &plan), verdict);
    }
}

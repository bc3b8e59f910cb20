//! Two appends made before either is delivered, in the order that a test decides.

use folkmoot_client::core::{Outcome, Response};
use folkmoot_client::{CommitSummary, Error, SentMessage};
use folkmoot_protocol::ProblemCode;

use crate::stage::Stage;
use crate::world::{Answer, user};

fn with_group(seed: u64, names: &[&'static str]) -> Stage {
    let mut stage = Stage::new(seed, names);
    let others: Vec<_> = names[1..].iter().map(|name| user(name)).collect();
    let group = stage.group;
    stage.world.core(names[0]).invite(group, &others).unwrap();
    stage.settle();
    stage
}

/// Both make their append, then the first one's is delivered, then the second one's.
fn clash(stage: &mut Stage, first: &str, second: &str) -> [Answer; 2] {
    let requests = [first, second].map(|name| (name, stage.up_to_append(name)));
    let answers = requests.map(|(name, request)| {
        let answer = stage.carry(&request);
        stage.take(name, answer.clone());
        answer
    });
    stage.settle();
    answers
}

fn assert_won(answer: &Answer) {
    assert!(matches!(answer, Ok(Response::Appended(_))), "{answer:?}");
}

fn assert_lost(answer: &Answer, code: ProblemCode) {
    let Err(problem) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(problem.code, code);
}

fn committed(stage: &mut Stage, name: &str, task: u64) -> CommitSummary {
    match stage.outcome(name, task) {
        Some(Ok(Outcome::Committed(summary))) => summary,
        other => panic!("{name}: {other:?}"),
    }
}

fn sent(stage: &mut Stage, name: &str, task: u64) -> SentMessage {
    match stage.outcome(name, task) {
        Some(Ok(Outcome::Sent(sent))) => sent,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn of_two_commits_for_one_epoch_the_first_stands_and_the_other_lands_in_the_next() {
    let mut stage = with_group(1, &["alice", "bob"]);
    let group = stage.group;
    for (first, second) in [("alice", "bob"), ("bob", "alice")] {
        let tasks = [first, second].map(|name| stage.world.core(name).update(group).unwrap());
        let [won, lost] = clash(&mut stage, first, second);
        assert_won(&won);
        assert_lost(&lost, ProblemCode::EpochTaken);
        let one = committed(&mut stage, first, tasks[0]);
        let other = committed(&mut stage, second, tasks[1]);
        assert_eq!(other.epoch, one.epoch + 1);
    }
    stage.world.assert_agreed(group, &["alice", "bob"]);
    stage.assert_no_warnings();
}

#[test]
fn a_message_sealed_in_an_old_epoch_lands_once_in_the_new_one() {
    let mut stage = with_group(2, &["alice", "bob", "carol"]);
    let group = stage.group;
    let update = stage.world.core("alice").update(group).unwrap();
    let task = stage.world.core("bob").send(group, "hello").unwrap();
    let [won, lost] = clash(&mut stage, "alice", "bob");
    assert_won(&won);
    assert_lost(&lost, ProblemCode::StaleEpoch);
    let commit = committed(&mut stage, "alice", update);
    let message = sent(&mut stage, "bob", task);
    assert_eq!(message.epoch, commit.epoch);
    for name in ["alice", "bob", "carol"] {
        assert_eq!(stage.world.texts(name, group), ["hello"], "{name}");
    }
    stage.world.assert_agreed(group, &["alice", "bob", "carol"]);
    stage.assert_no_warnings();
}

#[test]
fn of_two_who_invite_the_same_person_one_hears_that_it_is_done() {
    let mut stage = Stage::new(3, &["alice", "bob", "carol"]);
    let group = stage.group;
    stage
        .world
        .core("alice")
        .invite(group, &[user("bob")])
        .unwrap();
    stage.settle();
    let tasks = ["alice", "bob"].map(|name| {
        let core = stage.world.core(name);
        core.invite(group, &[user("carol")]).unwrap()
    });
    let [won, lost] = clash(&mut stage, "alice", "bob");
    assert_won(&won);
    assert_lost(&lost, ProblemCode::EpochTaken);
    let carol = user("carol").device("phone").unwrap();
    assert_eq!(committed(&mut stage, "alice", tasks[0]).added, [carol]);
    let late = stage.outcome("bob", tasks[1]);
    assert!(
        matches!(late, Some(Err(Error::AlreadyMember { .. }))),
        "{late:?}"
    );
    stage.world.assert_agreed(group, &["alice", "bob", "carol"]);
    stage.assert_no_warnings();
}

#[test]
fn of_two_who_remove_the_same_person_one_hears_that_they_are_gone() {
    let mut stage = with_group(4, &["alice", "bob", "carol"]);
    let group = stage.group;
    let tasks = ["alice", "bob"].map(|name| {
        let core = stage.world.core(name);
        core.remove(group, &user("carol")).unwrap()
    });
    let [won, lost] = clash(&mut stage, "alice", "bob");
    assert_won(&won);
    assert_lost(&lost, ProblemCode::EpochTaken);
    let carol = user("carol").device("phone").unwrap();
    assert_eq!(committed(&mut stage, "alice", tasks[0]).removed, [carol]);
    let late = stage.outcome("bob", tasks[1]);
    assert!(
        matches!(late, Some(Err(Error::NoSuchMember { .. }))),
        "{late:?}"
    );
    stage.world.assert_agreed(group, &["alice", "bob"]);
    stage.assert_no_warnings();
}

#[test]
fn a_message_that_was_taken_before_its_sender_was_removed_is_not_called_refused() {
    let mut stage = with_group(5, &["alice", "bob"]);
    let group = stage.group;
    let task = stage.world.core("bob").send(group, "last words").unwrap();
    let request = stage.up_to_append("bob");
    // It takes effect, and the answer is lost.
    assert_won(&stage.carry(&request));
    stage
        .world
        .core("alice")
        .remove(group, &user("bob"))
        .unwrap();
    stage.run("alice");
    stage.run("bob");
    sent(&mut stage, "bob", task);
    for name in ["alice", "bob"] {
        assert_eq!(stage.world.texts(name, group), ["last words"], "{name}");
    }
    stage.assert_no_warnings();
}

#[test]
fn one_task_that_cannot_be_done_does_not_hold_up_the_next() {
    let mut stage = with_group(6, &["alice", "bob", "carol"]);
    let group = stage.group;
    let core = stage.world.core("alice");
    let removal = core.remove(group, &user("carol")).unwrap();
    let again = core.remove(group, &user("carol")).unwrap();
    let task = core.send(group, "hello").unwrap();
    stage.run("alice");
    committed(&mut stage, "alice", removal);
    let late = stage.outcome("alice", again);
    assert!(
        matches!(late, Some(Err(Error::NoSuchMember { .. }))),
        "{late:?}"
    );
    sent(&mut stage, "alice", task);
}

#[test]
fn whoever_was_removed_while_writing_hears_it_and_reads_up_to_then() {
    let mut stage = with_group(7, &["alice", "bob"]);
    let group = stage.group;
    let task = stage.world.core("bob").send(group, "too late").unwrap();
    stage.up_to_append("bob");
    stage.world.core("alice").send(group, "goodbye").unwrap();
    stage
        .world
        .core("alice")
        .remove(group, &user("bob"))
        .unwrap();
    stage.run("alice");
    stage.run("bob");
    let refused = stage.outcome("bob", task);
    assert!(
        matches!(refused, Some(Err(Error::NotMember { .. }))),
        "{refused:?}"
    );
    assert_eq!(stage.world.texts("bob", group), ["goodbye"]);
    assert!(!stage.is_member("bob"));
    stage.assert_no_warnings();
}

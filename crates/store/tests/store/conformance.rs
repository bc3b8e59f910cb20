//! What every provider's store does.

use std::sync::mpsc::channel;

use folkmoot_delivery::{Reply, Wake};
use folkmoot_protocol::{
    Action, EntryKind, GroupId, LogPosition, Problem, ProblemCode, Sequence, WelcomeBlob,
};
use folkmoot_store::provider::Answer;

use crate::members::{Member, NOW, Provider, ticket};

macro_rules! for_every_store {
    ($($test:ident)+) => {
        mod memory {
            $(#[test] fn $test() { super::$test(&crate::members::Provider::memory()) })+
        }
        mod sqlite {
            $(#[test] fn $test() { super::$test(&crate::members::Provider::sqlite()) })+
        }
    };
}

for_every_store! {
    a_log_is_read_as_it_was_written
    a_commit_opens_and_closes_slots_with_itself
    a_refused_command_changes_nothing
    groups_do_not_see_each_other
    of_racing_commits_exactly_one_wins
    an_answer_carries_its_wakes
    commands_of_one_thread_are_done_in_order
}

fn a_log_is_read_as_it_was_written(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let mut appends = vec![alice.application(0, b""), alice.commit(0)];
    for number in 0..20_u8 {
        appends.push(alice.application(1, &vec![number; 5000]));
    }
    let mut position = LogPosition::start(alice.group, &alice.key());
    let receipts: Vec<_> = appends
        .iter()
        .map(|append| alice.append(provider, append.clone()).unwrap())
        .collect();
    let entries = alice.read(provider, 0).unwrap();
    assert_eq!(entries.len(), appends.len());
    for ((entry, append), receipt) in entries.iter().zip(&appends).zip(receipts) {
        position = position.advance(entry).unwrap();
        assert_eq!(position, receipt);
        assert_eq!((&entry.message, entry.kind), (&append.message, append.kind));
        assert_eq!(entry.time, NOW);
    }
    assert_eq!(alice.read(provider, 21).unwrap(), entries[21..]);
}

fn a_commit_opens_and_closes_slots_with_itself(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let bob = Member::new(alice.group, 2);
    let adding = alice.adding(0, bob.slot, &ticket(2));
    alice.append(provider, adding.clone()).unwrap();
    provider
        .reply(bob.redeem(&provider.delivery, &ticket(2)))
        .unwrap();
    let sequence = Sequence(1);
    let fetch = bob.command(&provider.delivery, Action::Welcome { sequence });
    let welcome = adding.welcome.unwrap();
    let expected = Reply::Welcome(WelcomeBlob { welcome });
    assert_eq!(provider.reply(fetch), Ok(expected));

    bob.append(provider, bob.application(1, b"hello")).unwrap();
    let removing = alice.removing(1, bob.slot);
    alice.append(provider, removing).unwrap();
    let entries = bob.read(provider, 1).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].closes[..], [bob.slot]);
    assert_eq!(alice.read(provider, 0).unwrap()[0].opens.len(), 1);
    assert_eq!(bob.read(provider, 3), Err(Problem::not_found()));
}

fn a_refused_command_changes_nothing(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    alice.append(provider, alice.commit(0)).unwrap();
    let before = alice.read(provider, 0).unwrap();
    let taken = alice.append(provider, alice.commit(0)).unwrap_err();
    assert_eq!(taken.code, ProblemCode::EpochTaken);
    assert_eq!(*taken.winner.unwrap(), before[0]);
    let stale = alice.append(provider, alice.application(0, b"late"));
    assert_eq!(stale.unwrap_err().code, ProblemCode::StaleEpoch);
    let stranger = Member::new(alice.group, 9);
    let refused = stranger.append(provider, stranger.commit(1));
    assert_eq!(refused, Err(Problem::not_found()));
    assert_eq!(alice.read(provider, 0).unwrap(), before);
}

fn groups_do_not_see_each_other(provider: &Provider) {
    let one = Member::creator(provider, 1);
    let other = Member::creator(provider, 2);
    one.append(provider, one.commit(0)).unwrap();
    let mut same_key = other.commit(0);
    same_key.idempotency = one.read(provider, 0).unwrap()[0].idempotency;
    let position = other.append(provider, same_key).unwrap();
    assert_eq!(
        (position.group, position.sequence),
        (other.group, Sequence(1))
    );
    assert_eq!(one.read(provider, 0).unwrap().len(), 1);
}

fn of_racing_commits_exactly_one_wins(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let bob = Member::new(alice.group, 2);
    let adding = alice.adding(0, bob.slot, &ticket(2));
    alice.append(provider, adding).unwrap();
    provider
        .reply(bob.redeem(&provider.delivery, &ticket(2)))
        .unwrap();
    for epoch in 1..=20 {
        let racers = [&alice, &bob];
        let results = std::thread::scope(|scope| {
            let threads = racers
                .map(|member| scope.spawn(move || member.append(provider, member.commit(epoch))));
            threads.map(|thread| thread.join().unwrap())
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        let winner = won.into_iter().next().unwrap().unwrap();
        let lost = lost.into_iter().next().unwrap().unwrap_err();
        assert_eq!(lost.code, ProblemCode::EpochTaken);
        assert_eq!(lost.winner.unwrap().head, winner.head);
    }
    assert_eq!(alice.read(provider, 0).unwrap().len(), 21);
}

fn an_answer_carries_its_wakes(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let append = alice.message(0, EntryKind::Proposal, b"proposal");
    let command = alice.command(&provider.delivery, Action::Append(append));
    let first = provider.ask(command.clone()).unwrap();
    assert_eq!(first.wakes, [Wake::Group(GroupId([1; 32]))]);
    let again = provider.ask(command).unwrap();
    let reply = first.reply;
    let wakes = Vec::new();
    assert_eq!(again, Answer { reply, wakes });
}

/// Without waiting for answers in between.
fn commands_of_one_thread_are_done_in_order(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let (sender, receiver) = channel();
    for epoch in 0..200 {
        let sender = sender.clone();
        let command = alice.command(&provider.delivery, Action::Append(alice.commit(epoch)));
        provider.store.deliver(
            command,
            NOW,
            Box::new(move |answer| sender.send((epoch, answer)).unwrap()),
        );
    }
    for expected in 0..200 {
        let (epoch, answer) = receiver.recv().unwrap();
        assert_eq!(epoch, expected);
        assert!(answer.unwrap().reply.is_ok());
    }
    assert_eq!(alice.read(provider, 100).unwrap().len(), 100);
}

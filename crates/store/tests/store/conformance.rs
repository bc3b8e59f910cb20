//! What every provider's store does.

use std::sync::mpsc::channel;

use folkmoot_authentication::{Command as RegisterCommand, Reply as AuthenticationReply};
use folkmoot_delivery::{Command, Reply, Wake};
use folkmoot_identity::{DeviceKey, DeviceName};
use folkmoot_protocol::{
    Action, ClaimKeyPackages, EntryKind, GroupId, InviteCode, LogPosition, Problem, ProblemCode,
    Register, Sequence, SlotId,
};
use folkmoot_store::provider::{AuthenticationAnswer, DeliveryAnswer};

use crate::members::{Member, NOW, Provider, rng, ticket, welcome_of};

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
    each_joiner_gets_its_own_part_of_the_commit_that_opened_its_slot
    a_refused_command_changes_nothing
    groups_do_not_see_each_other
    of_racing_commits_exactly_one_wins
    an_answer_carries_its_wakes
    commands_of_one_thread_are_done_in_order
    a_user_without_key_packages_is_told_from_one_that_does_not_exist
    a_name_is_given_once_and_an_invite_is_used_once
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
    alice.append(provider, adding).unwrap();
    provider
        .reply(bob.redeem(provider.delivery(), &ticket(2)))
        .unwrap();
    let expected = Reply::Welcome(welcome_of(0, bob.slot));
    assert_eq!(fetch(provider, &bob, 1), Ok(expected));

    bob.append(provider, bob.application(1, b"hello")).unwrap();
    let removing = alice.removing(1, bob.slot);
    alice.append(provider, removing).unwrap();
    let entries = bob.read(provider, 1).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].closes[..], [bob.slot]);
    assert_eq!(alice.read(provider, 0).unwrap()[0].opens.len(), 1);
    assert_eq!(bob.read(provider, 3), Err(Problem::not_found()));
}

fn fetch(provider: &Provider, member: &Member, sequence: u64) -> Result<Reply, Problem> {
    let sequence = Sequence(sequence);
    provider.reply(member.command(provider.delivery(), Action::Welcome { sequence }))
}

fn each_joiner_gets_its_own_part_of_the_commit_that_opened_its_slot(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let joiners: Vec<_> = (2..40).map(|n| Member::new(alice.group, n)).collect();
    let slots: Vec<_> = (2..40).map(|n| (SlotId([n; 16]), ticket(n))).collect();
    alice.append(provider, alice.adding_all(0, &slots)).unwrap();
    for (joiner, (slot, ticket)) in joiners.iter().zip(&slots) {
        let redeem = joiner.redeem(provider.delivery(), ticket);
        provider.reply(redeem).unwrap();
        let own = Reply::Welcome(welcome_of(0, *slot));
        assert_eq!(fetch(provider, joiner, 1), Ok(own));
    }
    // One comes back, by a slot of the same id.
    let mut again = alice.adding_all(1, &[(SlotId([2; 16]), ticket(50))]);
    again.closes = vec![SlotId([2; 16])].try_into().unwrap();
    alice.append(provider, again).unwrap();
    let anew = Member::new(alice.group, 2);
    let redeem = anew.redeem(provider.delivery(), &ticket(50));
    provider.reply(redeem).unwrap();
    assert_eq!(fetch(provider, &anew, 1), Err(Problem::not_found()));
    let own = Reply::Welcome(welcome_of(1, anew.slot));
    assert_eq!(fetch(provider, &anew, 2), Ok(own));
    let others = Reply::Welcome(welcome_of(0, joiners[1].slot));
    assert_eq!(fetch(provider, &joiners[1], 1), Ok(others));
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
        .reply(bob.redeem(provider.delivery(), &ticket(2)))
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
    let command = alice.command(provider.delivery(), Action::Append(append));
    let first = provider.ask(command.clone()).unwrap();
    assert_eq!(first.wakes, [Wake::Group(GroupId([1; 32]))]);
    let again = provider.ask(command).unwrap();
    let reply = first.reply;
    let wakes = Vec::new();
    assert_eq!(again, DeliveryAnswer { reply, wakes });
}

/// Without waiting for answers in between.
fn commands_of_one_thread_are_done_in_order(provider: &Provider) {
    let alice = Member::creator(provider, 1);
    let (sender, receiver) = channel();
    for epoch in 0..200 {
        let sender = sender.clone();
        let command = alice.command(provider.delivery(), Action::Append(alice.commit(epoch)));
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

/// A registration of the device, with a fresh key.
fn register(provider: &Provider, device: &str, invite: Option<InviteCode>) -> RegisterCommand {
    let device: DeviceName = device.parse().unwrap();
    let key = DeviceKey::generate(&mut rng());
    let request = key.certificate_request(&device).unwrap();
    let register = Register {
        device,
        request: request.try_into().unwrap(),
        invite,
    };
    let authentication = &provider.cores.authentication;
    authentication.register(register, NOW, &mut rng()).unwrap()
}

fn authenticate(provider: &Provider, command: RegisterCommand) -> AuthenticationAnswer {
    provider.store.authenticate_and_wait(command, NOW).unwrap()
}

fn a_user_without_key_packages_is_told_from_one_that_does_not_exist(provider: &Provider) {
    let command = register(provider, "mimi://example.org/d/alice/phone", None);
    assert!(authenticate(provider, command).is_ok());
    let claim = |user: &str| {
        let user = user.parse().unwrap();
        provider.reply(Command::ClaimKeyPackages(ClaimKeyPackages { user }))
    };
    let code = |result: Result<Reply, Problem>| result.unwrap_err().code;
    let alice = claim("mimi://example.org/u/alice");
    assert_eq!(code(alice), ProblemCode::NoKeyPackages);
    for nobody in ["mimi://example.org/u/bob", "mimi://example.net/u/alice"] {
        assert_eq!(code(claim(nobody)), ProblemCode::UnknownUser);
    }
}

fn a_name_is_given_once_and_an_invite_is_used_once(provider: &Provider) {
    let name = "mimi://example.org/d/alice/phone";
    let command = register(provider, name, None);
    let first = authenticate(provider, command.clone());
    assert!(first.is_ok());
    assert_eq!(authenticate(provider, command), first);
    let other_key = authenticate(provider, register(provider, name, None));
    assert_eq!(other_key.unwrap_err().code, ProblemCode::NameTaken);

    let user = Some("mimi://example.org/u/alice".parse().unwrap());
    let invite = provider.cores.authentication.invite(user, &mut rng());
    let Ok(AuthenticationReply::Invited(code)) = authenticate(provider, invite) else {
        panic!("an invite is made");
    };
    let further = |device: &str| {
        let name = format!("mimi://example.org/d/alice/{device}");
        authenticate(provider, register(provider, &name, Some(code.clone())))
    };
    assert!(further("laptop").is_ok());
    assert_eq!(
        further("tablet").unwrap_err().code,
        ProblemCode::InviteRefused
    );
}

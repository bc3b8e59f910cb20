//! Slots: opened, redeemed, closed, and indistinguishable from an absent group otherwise.

use folkmoot_delivery::{Facts, Reply, Subscription};
use folkmoot_protocol::bounds::SLOT_TIME_WINDOW;
use folkmoot_protocol::{
    Action, Append, EntryKind, Joiner, JoinerWelcome, List, LogEntry, Problem, ProblemCode, Redeem,
    Redeemed, Sequence, SlotId, Timestamp, encode,
};

use crate::provider::{
    GROUP, Member, NOW, Provider, adding, adding_all, code, commit, message, part, removing, ticket,
};

/// Alice's group, to which entry 1 added Bob.
fn two() -> (Provider, Member, Member) {
    let mut provider = Provider::new();
    let alice = provider.group();
    let bob = Member::new(2);
    alice
        .append(&mut provider, adding(0, bob.slot, &ticket(2)))
        .unwrap();
    let redeemed = bob.redeem(&mut provider, &ticket(2));
    let from = Sequence(1);
    assert_eq!(redeemed, Ok(Reply::Redeemed(Redeemed { from })));
    (provider, alice, bob)
}

fn application(epoch: u64) -> Append {
    message(epoch, EntryKind::Application, b"hello")
}

fn sequences(entries: &[LogEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.sequence.0).collect()
}

#[test]
fn a_joiner_reads_what_follows_its_commit_and_fetches_its_welcome() {
    let (mut provider, alice, bob) = two();
    alice.append(&mut provider, application(1)).unwrap();
    bob.append(&mut provider, application(1)).unwrap();
    let entries = bob.read(&mut provider, 1).unwrap();
    assert_eq!(sequences(&entries), [2, 3]);
    assert_eq!(code(bob.read(&mut provider, 0)), ProblemCode::Malformed);

    assert_eq!(bob.ask(&mut provider, fetch(1)), Ok(welcome_of(bob.slot)));
    let refused = Err(Problem::not_found());
    assert_eq!(bob.ask(&mut provider, fetch(2)), refused);
    assert_eq!(alice.ask(&mut provider, fetch(1)), refused);
}

fn fetch(sequence: u64) -> Action {
    Action::Welcome {
        sequence: Sequence(sequence),
    }
}

fn welcome_of(slot: SlotId) -> Reply {
    Reply::Welcome(JoinerWelcome {
        shared: b"sealed welcome".as_slice().try_into().unwrap(),
        part: part(&slot),
    })
}

#[test]
fn each_joiner_of_a_commit_gets_its_own_part_alone() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let joiners: Vec<_> = (2..30).map(Member::new).collect();
    let slots = joiners.iter().map(|joiner| joiner.slot);
    let slots: Vec<_> = slots.map(|slot| (slot, ticket(slot.0[0]))).collect();
    let adding = adding_all(0, &slots);
    alice.append(&mut provider, adding).unwrap();
    for (joiner, (slot, ticket)) in joiners.iter().zip(&slots) {
        let early = joiner.ask(&mut provider, fetch(1));
        assert_eq!(early, Err(Problem::not_found()), "not before its ticket");
        joiner.redeem(&mut provider, ticket).unwrap();
        assert_eq!(joiner.ask(&mut provider, fetch(1)), Ok(welcome_of(*slot)));
    }
    // Readers get the slots, and one digest of all the rest.
    let entries = alice.read(&mut provider, 0).unwrap();
    assert_eq!(entries[0].opens.len(), joiners.len());
    let shown = String::from_utf8(encode(&entries)).unwrap();
    for (slot, _) in &slots {
        let part = String::from_utf8(encode(&part(slot))).unwrap();
        assert!(!shown.contains(part.trim_matches('"')), "{slot}");
    }
}

#[test]
fn a_slot_that_opened_without_a_welcome_is_told_that_there_is_none() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let bob = Member::new(2);
    let mut adding = adding(0, bob.slot, &ticket(2));
    adding.welcome = None;
    let mut joiners = adding.opens.into_vec();
    joiners[0].part = None;
    adding.opens = joiners.try_into().unwrap();
    alice.append(&mut provider, adding).unwrap();
    bob.redeem(&mut provider, &ticket(2)).unwrap();
    let refused = bob.ask(&mut provider, fetch(1));
    assert_eq!(refused, Err(Problem::no_welcome()));
}

#[test]
fn a_slot_that_opens_anew_has_the_part_of_its_new_welcome_alone() {
    let (mut provider, alice, bob) = two();
    let mut again = adding(1, bob.slot, &ticket(4));
    again.closes = vec![bob.slot].try_into().unwrap();
    let mut joiners = again.opens.into_vec();
    joiners[0].part = Some(b"another".as_slice().try_into().unwrap());
    again.opens = joiners.try_into().unwrap();
    alice.append(&mut provider, again).unwrap();
    let anew = Member::new(2);
    anew.redeem(&mut provider, &ticket(4)).unwrap();
    let request = anew.request(&provider, fetch(1));
    let command = provider.delivery.slot(request, provider.now).unwrap();
    let Facts::Group(facts) = provider.records.load(&command.need(provider.now)) else {
        panic!("a group's facts")
    };
    assert_eq!(facts.welcome, None, "its part is not the old commit's");
    assert_eq!(provider.ask(command), Err(Problem::not_found()));
    match anew.ask(&mut provider, fetch(2)) {
        Ok(Reply::Welcome(welcome)) => assert_eq!(welcome.part[..], *b"another"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_retry_with_another_part_is_another_append() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let adding = adding(0, SlotId([2; 16]), &ticket(2));
    let receipt = alice.append(&mut provider, adding.clone());
    assert_eq!(alice.append(&mut provider, adding.clone()), receipt);
    let mut other = adding;
    let mut joiners = other.opens.into_vec();
    joiners[0].part = Some(b"another".as_slice().try_into().unwrap());
    other.opens = joiners.try_into().unwrap();
    assert_eq!(
        code(alice.append(&mut provider, other)),
        ProblemCode::Conflict
    );
}

#[test]
fn every_way_of_having_no_access_looks_the_same() {
    let (mut provider, alice, bob) = two();
    alice
        .append(&mut provider, removing(1, &[bob.slot]))
        .unwrap();
    alice
        .append(&mut provider, adding(2, SlotId([3; 16]), &ticket(3)))
        .unwrap();
    let mut empty = Provider::new();
    let unknown = Member::new(9);
    let unredeemed = Member::new(3);
    let forger = Member::new(1);

    let after = Sequence(2);
    let read = || Action::Read { after, limit: 1 };
    let actions = || {
        [
            read(),
            Action::Follow { after },
            Action::Welcome { sequence: after },
            Action::Append(application(3)),
            Action::Append(commit(3)),
            Action::Append(commit(0)),
        ]
    };
    let absent = alice.ask(&mut empty, read()).unwrap_err();
    assert_eq!(absent.code, ProblemCode::NotFound);
    for action in actions() {
        for stranger in [&unknown, &unredeemed, &forger, &bob] {
            let refused = stranger.ask(&mut provider, action.clone());
            assert_eq!(refused, Err(absent.clone()), "{action:?}");
        }
    }
    for ticket in [ticket(2), ticket(3)] {
        for stranger in [&unknown, &forger] {
            let refused = stranger.redeem(&mut provider, &ticket);
            assert_eq!(refused, Err(absent.clone()));
        }
    }
    let wrong = unredeemed.redeem(&mut provider, &ticket(2));
    assert_eq!(wrong, Err(absent.clone()));
    assert_eq!(bob.redeem(&mut empty, &ticket(2)), Err(absent));
}

#[test]
fn a_removed_slot_reads_up_to_the_commit_that_closed_it() {
    let (mut provider, alice, bob) = two();
    let mine = application(1);
    let receipt = bob.append(&mut provider, mine.clone()).unwrap();
    alice
        .append(&mut provider, removing(1, &[bob.slot]))
        .unwrap();
    alice.append(&mut provider, application(2)).unwrap();

    let entries = bob.read(&mut provider, 1).unwrap();
    assert_eq!(sequences(&entries), [2, 3]);
    assert_eq!(entries[1].closes[..], [bob.slot]);
    let refused = Err(Problem::not_found());
    assert_eq!(bob.read(&mut provider, 3), refused);
    assert_eq!(bob.read(&mut provider, 4), refused);
    assert_eq!(
        bob.append(&mut provider, application(2)),
        Err(Problem::not_found())
    );
    assert_eq!(bob.append(&mut provider, mine), Ok(receipt));
}

#[test]
fn a_ticket_works_once_and_its_retry_is_answered() {
    let (mut provider, _, bob) = two();
    let from = Sequence(1);
    let again = bob.redeem(&mut provider, &ticket(2));
    assert_eq!(again, Ok(Reply::Redeemed(Redeemed { from })));
    let thief = Member::new(2);
    let stolen = thief.redeem(&mut provider, &ticket(2));
    assert_eq!(code(stolen), ProblemCode::Conflict);
    assert_eq!(thief.read(&mut provider, 1), Err(Problem::not_found()));
    assert!(bob.read(&mut provider, 1).is_ok());
}

#[test]
fn a_late_joiner_learns_that_it_was_removed_meanwhile() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let bob = Member::new(2);
    alice
        .append(&mut provider, adding(0, bob.slot, &ticket(2)))
        .unwrap();
    alice
        .append(&mut provider, removing(1, &[bob.slot]))
        .unwrap();
    alice.append(&mut provider, commit(2)).unwrap();
    provider.now = Timestamp(NOW.0 + 365 * 24 * 3600);
    bob.redeem(&mut provider, &ticket(2)).unwrap();
    assert_eq!(sequences(&bob.read(&mut provider, 1).unwrap()), [2]);
    assert_eq!(bob.read(&mut provider, 2), Err(Problem::not_found()));
}

#[test]
fn a_slot_that_was_closed_opens_anew_for_a_new_key() {
    let (mut provider, alice, bob) = two();
    alice
        .append(&mut provider, removing(1, &[bob.slot]))
        .unwrap();
    alice
        .append(&mut provider, adding(2, bob.slot, &ticket(4)))
        .unwrap();
    assert_eq!(bob.read(&mut provider, 1), Err(Problem::not_found()));
    let again = Member::new(2);
    again.redeem(&mut provider, &ticket(4)).unwrap();
    assert_eq!(again.read(&mut provider, 3).unwrap(), []);
    assert_eq!(bob.read(&mut provider, 3), Err(Problem::not_found()));
}

#[test]
fn an_open_slot_is_replaced_only_by_a_commit_that_closes_it() {
    let (mut provider, alice, bob) = two();
    let mut replacing = adding(1, bob.slot, &ticket(4));
    let refused = alice.append(&mut provider, replacing.clone());
    assert_eq!(code(refused), ProblemCode::Conflict);
    assert!(bob.read(&mut provider, 1).is_ok());

    replacing.closes = vec![bob.slot].try_into().unwrap();
    alice.append(&mut provider, replacing).unwrap();
    assert_eq!(bob.read(&mut provider, 1), Err(Problem::not_found()));
    let again = Member::new(2);
    again.redeem(&mut provider, &ticket(4)).unwrap();
    assert!(again.append(&mut provider, application(2)).is_ok());
}

#[test]
fn closing_what_is_not_open_stops_no_removal() {
    let (mut provider, alice, bob) = two();
    let slots = [bob.slot, SlotId([9; 16])];
    alice.append(&mut provider, removing(1, &slots)).unwrap();
    alice.append(&mut provider, removing(2, &slots)).unwrap();
    assert_eq!(sequences(&bob.read(&mut provider, 1).unwrap()), [2]);
}

#[test]
fn contradictory_changes_of_access_are_refused() {
    let (mut provider, alice, bob) = two();
    let whole = adding(1, SlotId([5; 16]), &ticket(5));
    let joiner = whole.opens[0].clone();
    let without_part = Joiner {
        part: None,
        ..joiner.clone()
    };
    let other = adding(1, SlotId([6; 16]), &ticket(6)).opens[0].clone();
    let itself = adding(1, alice.slot, &ticket(5)).opens[0].clone();
    let welcome = Some(b"welcome".as_slice().try_into().unwrap());
    let plain = application(1);
    let bad = [
        Append {
            opens: vec![without_part.clone()].try_into().unwrap(),
            ..plain.clone()
        },
        Append {
            opens: vec![other, without_part].try_into().unwrap(),
            ..whole.clone()
        },
        Append {
            welcome: None,
            ..whole.clone()
        },
        Append {
            opens: List::default(),
            ..whole.clone()
        },
        Append {
            closes: vec![bob.slot].try_into().unwrap(),
            ..plain.clone()
        },
        Append { welcome, ..plain },
        Append {
            opens: vec![joiner.clone(), joiner].try_into().unwrap(),
            ..whole.clone()
        },
        removing(1, &[bob.slot, bob.slot]),
        removing(1, &[alice.slot]),
        Append {
            opens: vec![itself].try_into().unwrap(),
            ..whole
        },
    ];
    for (number, append) in bad.into_iter().enumerate() {
        let refused = alice.append(&mut provider, append);
        assert_eq!(code(refused), ProblemCode::Malformed, "{number}");
    }
    assert!(bob.append(&mut provider, application(1)).is_ok());
}

#[test]
fn a_losing_commit_changes_no_access() {
    let (mut provider, alice, bob) = two();
    bob.append(&mut provider, commit(1)).unwrap();
    let lost = alice.append(&mut provider, removing(1, &[bob.slot]));
    assert_eq!(code(lost), ProblemCode::EpochTaken);
    let lost = alice.append(&mut provider, adding(1, SlotId([5; 16]), &ticket(5)));
    assert_eq!(code(lost), ProblemCode::EpochTaken);
    assert!(bob.append(&mut provider, application(2)).is_ok());
    let joiner = Member::new(5);
    let refused = joiner.redeem(&mut provider, &ticket(5));
    assert_eq!(refused, Err(Problem::not_found()));
}

#[test]
fn a_request_out_of_its_time_window_is_told_so() {
    let (mut provider, alice, bob) = two();
    let after = Sequence(1);
    let request = alice.request(&provider, Action::Read { after, limit: 1 });
    let (domain, ticket) = (provider.delivery.domain().clone(), ticket(2));
    let redeem = Redeem::sign(&bob.keys, &domain, GROUP, bob.slot, ticket, NOW).unwrap();
    provider.now = Timestamp(NOW.0 + SLOT_TIME_WINDOW + 1);
    assert_eq!(code(provider.slot(request)), ProblemCode::Unauthorized);
    assert_eq!(code(provider.redeem(&redeem)), ProblemCode::Unauthorized);
}

#[test]
fn a_subscription_reads_on_until_its_slot_is_closed() {
    let (mut provider, alice, bob) = two();
    let after = Sequence(1);
    let subscription = match bob.ask(&mut provider, Action::Follow { after }) {
        Ok(Reply::Following(subscription, page)) => {
            assert_eq!(page.entries.len(), 0);
            subscription
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (subscription.group(), subscription.slot()),
        (GROUP, bob.slot)
    );
    alice.append(&mut provider, application(1)).unwrap();
    alice
        .append(&mut provider, removing(1, &[bob.slot]))
        .unwrap();
    alice.append(&mut provider, application(2)).unwrap();
    assert_eq!(follow(&mut provider, &subscription, 1), Ok(vec![2, 3]));
    let refused = Err(Problem::not_found());
    assert_eq!(follow(&mut provider, &subscription, 3), refused);

    alice
        .append(&mut provider, adding(2, bob.slot, &ticket(4)))
        .unwrap();
    Member::new(2).redeem(&mut provider, &ticket(4)).unwrap();
    assert_eq!(follow(&mut provider, &subscription, 5), refused);
}

fn follow(
    provider: &mut Provider,
    subscription: &Subscription,
    after: u64,
) -> Result<Vec<u64>, Problem> {
    let request = subscription.after(Sequence(after));
    match provider.ask(folkmoot_delivery::Command::Follow(request))? {
        Reply::Entries(page) => Ok(sequences(&page.entries)),
        other => panic!("{other:?}"),
    }
}

//! One order, one winner, one receipt.

use folkmoot_delivery::{Command, Reply, Wake};
use folkmoot_protocol::bounds::{MAX_MESSAGE, READ_BYTES};
use folkmoot_protocol::{
    Action, CreateGroup, EntryKind, Epoch, GroupId, IdempotencyKey, LogPosition, ProblemCode,
    Sequence, SlotId, Timestamp,
};

use crate::provider::{
    GROUP, Member, NOW, Provider, adding, code, commit, message, private_message, ticket,
};

#[test]
fn what_is_read_continues_the_chain_that_receipts_vouch_for() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let mut position = LogPosition::start(GROUP, &alice.key());
    let appends = [
        message(0, EntryKind::Application, b"one"),
        commit(0),
        message(1, EntryKind::Proposal, b"two"),
        commit(1),
        message(2, EntryKind::Application, b"three"),
    ];
    let mut receipts = Vec::new();
    for append in appends {
        receipts.push(alice.append(&mut provider, append).unwrap());
    }
    let entries = alice.read(&mut provider, 0).unwrap();
    assert_eq!(entries.len(), receipts.len());
    for (entry, receipt) in entries.iter().zip(receipts) {
        position = position.advance(entry).unwrap();
        assert_eq!(position, receipt);
        assert_eq!(entry.time, NOW);
    }
    assert_eq!(alice.read(&mut provider, 3).unwrap(), entries[3..]);
    assert_eq!(alice.read(&mut provider, 5).unwrap(), []);
    assert_eq!(code(alice.read(&mut provider, 6)), ProblemCode::Conflict);
}

#[test]
fn the_first_commit_of_an_epoch_wins_and_the_loser_gets_it() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let bob = Member::new(2);
    alice
        .append(&mut provider, adding(0, bob.slot, &ticket(2)))
        .unwrap();
    bob.redeem(&mut provider, &ticket(2)).unwrap();

    let won = alice.append(&mut provider, commit(1)).unwrap();
    alice
        .append(&mut provider, message(2, EntryKind::Application, b"x"))
        .unwrap();
    let lost = bob.append(&mut provider, commit(1)).unwrap_err();
    assert_eq!(lost.code, ProblemCode::EpochTaken);
    let winner = lost.winner.unwrap();
    assert_eq!((winner.sequence, winner.head), (won.sequence, won.head));
    assert!(bob.append(&mut provider, commit(2)).is_ok());
}

#[test]
fn a_loser_that_may_not_read_the_winner_learns_the_epoch_only() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let bob = Member::new(2);
    alice.append(&mut provider, commit(0)).unwrap();
    alice
        .append(&mut provider, adding(1, bob.slot, &ticket(2)))
        .unwrap();
    bob.redeem(&mut provider, &ticket(2)).unwrap();
    for epoch in [0, 1] {
        let refused = bob.append(&mut provider, commit(epoch)).unwrap_err();
        assert_eq!(refused.code, ProblemCode::StaleEpoch);
        assert_eq!((refused.winner, refused.current), (None, Some(Epoch(2))));
    }
}

#[test]
fn messages_of_past_and_future_epochs_are_refused() {
    let mut provider = Provider::new();
    let alice = provider.group();
    alice.append(&mut provider, commit(0)).unwrap();
    for kind in [EntryKind::Application, EntryKind::Proposal] {
        let stale = alice.append(&mut provider, message(0, kind, b"late"));
        let problem = stale.unwrap_err();
        assert_eq!(problem.code, ProblemCode::StaleEpoch);
        assert_eq!(problem.current, Some(Epoch(1)));
        let ahead = alice.append(&mut provider, message(2, kind, b"early"));
        assert_eq!(code(ahead), ProblemCode::Conflict);
    }
    let ahead = alice.append(&mut provider, commit(u64::MAX));
    assert_eq!(code(ahead), ProblemCode::Conflict);
    assert_eq!(alice.read(&mut provider, 0).unwrap().len(), 1);
}

#[test]
fn a_retry_gets_its_receipt_again_whatever_has_happened_since() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let append = commit(0);
    let first = alice.append(&mut provider, append.clone()).unwrap();
    alice.append(&mut provider, commit(1)).unwrap();
    provider.now = Timestamp(NOW.0 + 1_000_000);
    assert_eq!(alice.append(&mut provider, append), Ok(first));
    assert_eq!(alice.read(&mut provider, 0).unwrap().len(), 2);
}

#[test]
fn an_idempotency_key_stands_for_one_message_of_one_slot() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let bob = Member::new(2);
    alice
        .append(&mut provider, adding(0, bob.slot, &ticket(2)))
        .unwrap();
    bob.redeem(&mut provider, &ticket(2)).unwrap();
    let mut append = message(1, EntryKind::Application, b"one");
    append.idempotency = IdempotencyKey([7; 16]);
    alice.append(&mut provider, append.clone()).unwrap();

    let mut other = message(1, EntryKind::Application, b"other");
    other.idempotency = append.idempotency;
    assert_eq!(
        code(alice.append(&mut provider, other)),
        ProblemCode::Conflict
    );
    let of_bob = bob.append(&mut provider, append).unwrap();
    assert_eq!(of_bob.sequence, Sequence(3));
}

#[test]
fn an_append_wakes_its_group_and_a_retry_nobody() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let request = alice.request(&provider, Action::Append(commit(0)));
    let command = provider.delivery.slot(request, NOW).unwrap();
    let first = provider.run(command.clone());
    assert_eq!(first.wakes, [Wake::Group(GROUP)]);
    let again = provider.run(command);
    assert_eq!(again.wakes, []);
    assert_eq!(again.reply, first.reply);
}

#[test]
fn a_message_must_be_what_the_append_says() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let kind = EntryKind::Application;
    let good = private_message(&GROUP, 0, kind, b"body");
    let bad = [
        private_message(&GroupId([2; 32]), 0, kind, b"body"),
        private_message(&GROUP, 1, kind, b"body"),
        private_message(&GROUP, 0, EntryKind::Commit, b"body"),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"x"].concat(),
        Vec::new(),
        b"hello".to_vec(),
    ];
    for bytes in bad {
        let mut append = message(0, kind, b"body");
        append.message = bytes.try_into().unwrap();
        let refused = alice.append(&mut provider, append);
        assert_eq!(code(refused), ProblemCode::Malformed);
    }
    assert!(
        alice
            .append(&mut provider, message(0, kind, b"body"))
            .is_ok()
    );
}

#[test]
fn a_page_ends_at_its_bounds_of_number_and_bytes() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let large = vec![0; MAX_MESSAGE - 200];
    for _ in 0..6 {
        let append = message(0, EntryKind::Application, &large);
        alice.append(&mut provider, append).unwrap();
    }
    let page = alice.read(&mut provider, 0).unwrap();
    let bytes: usize = page.iter().map(|entry| entry.message.len()).sum();
    assert!(bytes <= READ_BYTES && bytes + MAX_MESSAGE > READ_BYTES);
    assert_eq!(page.len(), 4);

    let ask = |provider: &mut Provider, limit| {
        let after = Sequence(1);
        alice.ask(provider, Action::Read { after, limit })
    };
    match ask(&mut provider, 1) {
        Ok(Reply::Entries(page)) => assert_eq!(page.entries[0].sequence, Sequence(2)),
        other => panic!("{other:?}"),
    }
    for limit in [0, 257] {
        assert_eq!(code(ask(&mut provider, limit)), ProblemCode::Malformed);
    }
}

#[test]
fn creating_a_group_again_is_a_retry_only_for_its_creator() {
    let mut provider = Provider::new();
    let alice = provider.group();
    let create = CreateGroup {
        group: GROUP,
        slot: alice.slot,
        slot_key: alice.key(),
    };
    alice.append(&mut provider, commit(0)).unwrap();
    let Ok(Reply::Created(receipt)) = provider.ask(Command::CreateGroup(create)) else {
        panic!("a retry is answered");
    };
    let start = LogPosition::start(GROUP, &alice.key());
    assert_eq!(provider.position(&receipt), start);
    assert_eq!(alice.read(&mut provider, 0).unwrap().len(), 1);

    let slot = SlotId([9; 16]);
    let slot_key = Member::new(9).key();
    for other in [
        CreateGroup { slot, ..create },
        CreateGroup { slot_key, ..create },
    ] {
        let refused = provider.ask(Command::CreateGroup(other));
        assert_eq!(code(refused), ProblemCode::Conflict);
    }
}

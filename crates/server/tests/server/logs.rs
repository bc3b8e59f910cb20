//! Groups' logs: order, races, retries, access.

use folkmoot_protocol::{
    Action, CreateGroup, EntryKind, Epoch, Joiner, JoinerWelcome, LogPage, LogPosition,
    ProblemCode, Receipt, Redeem, Redeemed, Sequence, Ticket, path,
};

use crate::world::{Slot, World, now, rng};

#[tokio::test]
async fn what_is_acknowledged_is_read_in_one_chain() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let info = world.info().await;

    let mut position = LogPosition::start(slot.group, &slot.create().slot_key);
    let mut receipts = Vec::new();
    for text in ["one", "two", "three"] {
        receipts.push(slot.append(&world, slot.text(text)).await.unwrap());
    }
    let entries = slot.read(&world, 0).await.unwrap();
    assert_eq!(entries.len(), 3);
    for (entry, receipt) in entries.iter().zip(&receipts) {
        position = position.advance(entry).unwrap();
        assert_eq!(
            receipt.verify(&info.receipt_key, &info.domain),
            Ok(position)
        );
    }
    assert_eq!(slot.read(&world, 2).await.unwrap(), entries[2..]);
}

#[tokio::test]
async fn a_retry_gets_its_receipt_again_and_a_reused_key_a_conflict() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let append = slot.text("once");
    let first = slot.append(&world, append.clone()).await.unwrap();
    let again = slot.append(&world, append.clone()).await.unwrap();
    assert_eq!(first, again);

    let mut other = slot.text("twice");
    other.idempotency = append.idempotency;
    let conflict = slot.append(&world, other).await.unwrap_err();
    assert_eq!(conflict.code, ProblemCode::Conflict);
    assert_eq!(slot.read(&world, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_racing_commits_one_wins_and_the_other_gets_it() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    for epoch in 0..20 {
        let commit = |body: &[u8]| slot.message(epoch, EntryKind::Commit, body);
        let (one, other) = tokio::join!(
            slot.append(&world, commit(b"one")),
            slot.append(&world, commit(b"other")),
        );
        let (won, lost) = if one.is_ok() {
            (one, other)
        } else {
            (other, one)
        };
        let (won, lost) = (won.unwrap(), lost.unwrap_err());
        assert_eq!(won.sequence, Sequence(epoch + 1));
        assert_eq!(lost.code, ProblemCode::EpochTaken);
        assert_eq!(lost.winner.unwrap().head, won.head);
    }
    let late = slot.append(&world, slot.text("late")).await.unwrap_err();
    assert_eq!(
        (late.code, late.current),
        (ProblemCode::StaleEpoch, Some(Epoch(20)))
    );
}

#[tokio::test]
async fn a_joiner_redeems_reads_on_and_is_shut_out() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let creator = world.group(&alice.token).await;
    let joiner = Slot::new(creator.group);
    let domain = world.info().await.domain;

    let ticket = Ticket::generate(&mut rng());
    let opening = Joiner {
        slot: joiner.id,
        ticket_digest: ticket.digest(&joiner.group, &joiner.id),
        part: Some(b"sealed part".as_slice().try_into().unwrap()),
    };
    let mut adding = creator.message(0, EntryKind::Commit, b"add");
    adding.opens = vec![opening].try_into().unwrap();
    adding.welcome = Some(b"sealed welcome".as_slice().try_into().unwrap());
    creator.append(&world, adding).await.unwrap();
    let early = joiner.read(&world, 1).await.unwrap_err();
    assert_eq!(early.code, ProblemCode::NotFound, "nobody has the slot yet");

    let redeem = |ticket: Ticket| {
        let redeem = Redeem::sign(
            &joiner.keys,
            &domain,
            joiner.group,
            joiner.id,
            ticket,
            now(),
        )
        .unwrap();
        let world = &world;
        async move {
            world
                .post::<Redeemed>(path::SLOT_REDEEM, None, &redeem)
                .await
        }
    };
    let wrong = redeem(Ticket::generate(&mut rng())).await.unwrap_err();
    assert_eq!(wrong, early, "a wrong ticket looks like an absent group");
    assert_eq!(redeem(ticket).await.unwrap().from, Sequence(1));
    let request = joiner.request(Action::Welcome {
        sequence: Sequence(1),
    });
    let welcome: JoinerWelcome = world.post(path::SLOT, None, &request).await.unwrap();
    assert_eq!(welcome.shared.as_slice(), b"sealed welcome");
    assert_eq!(welcome.part.as_slice(), b"sealed part");

    let mut removing = creator.message(1, EntryKind::Commit, b"remove");
    removing.closes = vec![joiner.id].try_into().unwrap();
    creator.append(&world, removing).await.unwrap();
    creator
        .append(&world, creator.message(2, EntryKind::Application, b"alone"))
        .await
        .unwrap();
    assert_eq!(
        joiner.read(&world, 1).await.unwrap().len(),
        1,
        "up to the removal"
    );
    assert_eq!(joiner.read(&world, 2).await.unwrap_err(), early);
}

#[tokio::test]
async fn strangers_wrong_keys_and_absent_groups_look_the_same() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    slot.append(&world, slot.text("secret")).await.unwrap();

    let absent = Slot::new(folkmoot_protocol::GroupId::generate(&mut rng()));
    let unknown = Slot::new(slot.group);
    let mut wrong_key = Slot::new(slot.group);
    wrong_key.id = slot.id;
    let expected = absent.read(&world, 0).await.unwrap_err();
    assert_eq!(expected.code, ProblemCode::NotFound);
    for outsider in [unknown, wrong_key] {
        assert_eq!(outsider.read(&world, 0).await.unwrap_err(), expected);
        let append = outsider.append(&world, outsider.text("forged")).await;
        assert_eq!(append.unwrap_err(), expected);
    }
    assert_eq!(slot.read(&world, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_group_begins_with_a_session_and_its_id_is_taken_once() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let begin = async |token, create: CreateGroup| {
        world.post::<Receipt>(path::GROUPS, token, &create).await
    };
    begin(Some(&alice.token), slot.create()).await.unwrap();
    let taken = begin(Some(&alice.token), Slot::new(slot.group).create())
        .await
        .unwrap_err();
    assert_eq!(taken.code, ProblemCode::Conflict);
    let anonymous = begin(None, slot.create()).await.unwrap_err();
    assert_eq!(anonymous.code, ProblemCode::Unauthorized);
}

#[tokio::test]
async fn a_stream_alone_is_followed() {
    let world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let request = slot.request(Action::Follow { after: Sequence(0) });
    let refused = world
        .post::<LogPage>(path::SLOT, None, &request)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ProblemCode::Malformed);
}

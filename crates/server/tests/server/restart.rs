//! What was acknowledged outlives the process.

use folkmoot_protocol::{Action, Appended, InboxPage, KeyPackagesAvailable, decode, encode, path};
use folkmoot_server::Provider;
use futures_util::future::join_all;
use reqwest::Method;

use crate::world::World;

#[tokio::test]
async fn a_restart_keeps_names_sessions_and_logs() {
    let mut world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let append = slot.text("before");
    let receipt = slot.append(&world, append.clone()).await.unwrap();
    let (info, pin) = (world.info().await, world.running().join_address().pin());
    let entries = slot.read(&world, 0).await.unwrap();

    world.restart().await;
    assert_eq!(world.info().await, info);
    assert_eq!(world.running().join_address().pin(), pin);
    assert_eq!(slot.read(&world, 0).await.unwrap(), entries);
    assert_eq!(
        slot.append(&world, append).await.unwrap(),
        receipt,
        "a retry is still a retry"
    );
    let _: InboxPage = world.get(path::INBOX, Some(&alice.token)).await.unwrap();
    let registered = world
        .register(&alice.key, alice.name(), None)
        .await
        .unwrap();
    assert_eq!(registered.certificate.as_slice(), alice.certificate.der());
    let again = world.session(alice.key, registered).await;
    let _: KeyPackagesAvailable = world
        .get(path::KEY_PACKAGES, Some(&again.token))
        .await
        .unwrap();
}

#[tokio::test]
async fn one_process_at_a_time_has_the_data() {
    let mut world = World::new().await;
    let refused = Provider::start(world.config().clone()).await.unwrap_err();
    assert!(refused.to_string().contains("in use"), "{refused}");
    world.restart().await;
}

#[tokio::test]
async fn a_stop_in_the_middle_loses_nothing_that_was_acknowledged() {
    let mut world = World::new().await;
    let alice = world.device("alice", "phone").await;
    let slot = world.group(&alice.token).await;
    let running = world.take();
    let appends = (0..100).map(|number: u32| {
        let request = slot.request(Action::Append(slot.text(&number.to_string())));
        let request = world
            .request(Method::POST, path::SLOT)
            .body(encode(&request));
        async move {
            let response = request.send().await.ok()?;
            decode::<Appended>(&response.bytes().await.ok()?).ok()
        }
    });
    let (answers, stopped) = tokio::join!(join_all(appends), running.shutdown());
    stopped.unwrap();

    world.restart().await;
    let entries = slot.read(&world, 0).await.unwrap();
    for Appended { receipt } in answers.into_iter().flatten() {
        let place = usize::try_from(receipt.sequence.0).unwrap() - 1;
        assert_eq!(entries[place].head, receipt.head);
    }
}

//! `kill -9` of the provider in the middle of sends.
//!
//! The tests' own run has one cycle of 300 sends. The full campaign, 20 cycles of 1,000 sends, is
//! `FOLKMOOT_KILL_CYCLES=20 cargo test --release -p folkmoot --test folkmoot kills`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use folkmoot_client::{Client, Error, MessageFilter};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::kit::Provider;

/// How many cycles the full campaign has.
const CYCLES_VARIABLE: &str = "FOLKMOOT_KILL_CYCLES";
const SENDS: usize = 300;
const FULL_SENDS: usize = 1000;
const GROUP: &str = "meadow";

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_message_is_read_once_and_in_one_order() {
    let full = std::env::var(CYCLES_VARIABLE)
        .ok()
        .map(|cycles| cycles.parse().unwrap());
    let (cycles, sends) = full.map_or((1, SENDS), |cycles: usize| (cycles, FULL_SENDS));
    let (mut provider, people) = Provider::start_with_meadow();
    let mut clients: Vec<_> = people
        .iter()
        .map(|person| Client::open(&person.profile).unwrap())
        .collect();
    let mut checked = 0;
    for cycle in 0..cycles {
        let written: BTreeSet<_> = (0..sends).map(|number| text(cycle, number)).collect();
        clients = one_cycle(cycle, sends, &mut provider, clients).await;
        checked = check(&mut clients, checked, &written).await;
    }
}

/// Sends from all clients at once, kills the provider on the way and starts it again.
async fn one_cycle(
    cycle: usize,
    sends: usize,
    provider: &mut Provider,
    clients: Vec<Client>,
) -> Vec<Client> {
    // Each cycle at another point, between a fifth and four fifths.
    let point = sends / 5 + (cycle * 7919) % (sends * 3 / 5);
    let acknowledged = Arc::new(Acknowledged {
        count: AtomicUsize::new(0),
        point,
        reached: Notify::new(),
    });
    let (restarts, restarted) = watch::channel(0);
    let mut senders = JoinSet::new();
    let count = clients.len();
    for (place, client) in clients.into_iter().enumerate() {
        let texts: Vec<_> = (place..sends)
            .step_by(count)
            .map(|number| text(cycle, number))
            .collect();
        senders.spawn(send_all(
            client,
            texts,
            Arc::clone(&acknowledged),
            restarted.clone(),
        ));
    }
    acknowledged.reached.notified().await;
    provider.kill();
    provider.restart();
    restarts.send_replace(1);
    senders.join_all().await
}

/// How many sends were acknowledged, and when it is time to kill.
struct Acknowledged {
    count: AtomicUsize,
    point: usize,
    reached: Notify,
}

async fn send_all(
    mut client: Client,
    texts: Vec<String>,
    acknowledged: Arc<Acknowledged>,
    mut restarted: watch::Receiver<u32>,
) -> Client {
    for text in texts {
        match client.send(GROUP, &text).await {
            Ok(_) => {}
            // What was asked is kept, and goes out with the next command.
            Err(Error::Offline { .. }) => {
                restarted.wait_for(|restarts| *restarts > 0).await.unwrap();
                while let Err(error) = client.sync().await {
                    assert!(matches!(error, Error::Offline { .. }), "{error}");
                }
            }
            Err(error) => panic!("{error}"),
        }
        if acknowledged.count.fetch_add(1, Ordering::SeqCst) + 1 == acknowledged.point {
            acknowledged.reached.notify_one();
        }
    }
    client
}

fn text(cycle: usize, number: usize) -> String {
    format!("cycle {cycle}, message {number}")
}

/// Since the last check, all members have read the same, in one order, each message once, and
/// nothing else; gives the place up to which that is so.
async fn check(clients: &mut [Client], checked: u64, written: &BTreeSet<String>) -> u64 {
    let mut histories = Vec::new();
    for client in clients {
        client.sync().await.unwrap();
        let messages = client.messages(Some(GROUP), MessageFilter::All).unwrap();
        assert!(messages.is_sorted_by(|one, next| one.sequence < next.sequence));
        let new = messages
            .into_iter()
            .filter(|message| message.sequence > checked);
        let seen = new.map(|message| (message.sequence, message.sender, message.text));
        histories.push(seen.collect::<Vec<_>>());
    }
    assert_eq!(histories[0].len(), written.len(), "each once");
    let read: BTreeSet<_> = histories[0]
        .iter()
        .map(|(_, _, text)| text.clone())
        .collect();
    assert_eq!(read, *written, "all of them");
    assert!(
        histories.iter().all(|history| *history == histories[0]),
        "one order"
    );
    histories[0].last().unwrap().0
}

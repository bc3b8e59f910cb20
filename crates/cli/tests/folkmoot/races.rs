//! Two commits for one epoch, at the same time, through a real provider.
//!
//! Each client reaches the provider through a gate that holds its first commit of a race back until
//! the other's has come too, so that both are for one epoch, every time. The tests' own run has 50
//! races. The full campaign is
//! `FOLKMOOT_RACES=1000 cargo test --release -p folkmoot --test folkmoot races`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use folkmoot_client::{Client, CommitSummary, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::time::timeout;

use crate::kit::Provider;

/// How many races there are, where it is set.
const RACES_VARIABLE: &str = "FOLKMOOT_RACES";
const RACES: usize = 50;
/// A request of at least as many bytes holds a commit: what else a client asks between two commits
/// has less than half.
const COMMIT_BYTES: usize = 2048;
/// Longest that one race may take.
const PATIENCE: Duration = Duration::from_mins(2);
const GROUP: &str = "meadow";

#[tokio::test(flavor = "multi_thread")]
async fn one_commit_is_accepted_and_the_other_comes_after_it() {
    let races = std::env::var(RACES_VARIABLE).map_or(RACES, |races| races.parse().unwrap());
    let provider = Provider::start();
    let meeting = Arc::new(Barrier::new(2));
    let gates = [
        Gate::open(&provider, &meeting).await,
        Gate::open(&provider, &meeting).await,
    ];
    let mut alice = register(&provider, "alice", &gates[0].authority).await;
    let mut bob = register(&provider, "bob", &gates[1].authority).await;
    let mut watcher = register(&provider, "charlie", provider.authority()).await;
    alice.create_group(GROUP).await.unwrap();
    let invited = ["bob", "charlie"].map(|name| alice.user_name(name).unwrap());
    let mut epoch = alice.invite(GROUP, &invited).await.unwrap().epoch;

    for _ in 0..races {
        alice.sync().await.unwrap();
        bob.sync().await.unwrap();
        gates.iter().for_each(Gate::close);
        let both = async { tokio::join!(alice.update(GROUP), bob.update(GROUP)) };
        let (one, other) = timeout(PATIENCE, both).await.expect("a race ends");
        let (one, other): (CommitSummary, CommitSummary) = (one.unwrap(), other.unwrap());
        let epochs = BTreeSet::from([one.epoch, other.epoch]);
        assert_eq!(
            epochs,
            BTreeSet::from([epoch + 1, epoch + 2]),
            "one after the other"
        );
        let commits: usize = gates.iter().map(Gate::commits).sum();
        assert_eq!(
            commits, 3,
            "both raced, and the loser's next attempt was its last"
        );
        epoch += 2;
    }
    let committed = commits(watcher.sync().await.unwrap());
    let expected: Vec<_> = (epoch - 2 * races as u64 + 1..=epoch).collect();
    assert_eq!(
        committed
            .iter()
            .map(|(epoch, _)| *epoch)
            .collect::<Vec<_>>(),
        expected
    );
    for race in committed.chunks(2) {
        assert_ne!(race[0].1, race[1].1, "each of the two once");
    }
}

async fn register(provider: &Provider, name: &str, authority: &str) -> Client {
    let address = provider.address.replace(provider.authority(), authority);
    let address = address.parse().unwrap();
    Client::register(&provider.path(name), &address, name, "main")
        .await
        .unwrap()
}

/// Epoch and committer of the commits that someone saw.
fn commits(events: Vec<Event>) -> Vec<(u64, String)> {
    let commit = |event| match event {
        Event::Committed { epoch, by, .. } => Some((epoch, by.to_string())),
        _ => None,
    };
    events.into_iter().filter_map(commit).collect()
}

/// A way to the provider that holds the next commit back until the other gate has one too.
struct Gate {
    authority: String,
    closed: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
}

impl Gate {
    async fn open(provider: &Provider, meeting: &Arc<Barrier>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self {
            authority: listener.local_addr().unwrap().to_string(),
            closed: Arc::default(),
            commits: Arc::default(),
        };
        let (closed, commits) = (Arc::clone(&gate.closed), Arc::clone(&gate.commits));
        let (provider, meeting) = (provider.authority().to_owned(), Arc::clone(meeting));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&provider).await.unwrap();
                let (mut answers, requests_out) = server.into_split();
                let (requests_in, mut answers_out) = client.into_split();
                let (closed, commits) = (Arc::clone(&closed), Arc::clone(&commits));
                tokio::spawn(pass(
                    requests_in,
                    requests_out,
                    closed,
                    commits,
                    Arc::clone(&meeting),
                ));
                tokio::spawn(async move { copy(&mut answers, &mut answers_out).await });
            }
        });
        gate
    }

    /// Holds the next commit back.
    fn close(&self) {
        self.commits.store(0, Ordering::SeqCst);
        self.closed.store(true, Ordering::SeqCst);
    }

    /// How many commits have passed since it was closed.
    fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

/// Requests from a client to the provider, one at a time, as HTTP/1.1 has them.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    closed: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
    meeting: Arc<Barrier>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if length >= COMMIT_BYTES {
            commits.fetch_add(1, Ordering::SeqCst);
            if closed.swap(false, Ordering::SeqCst) {
                meeting.wait().await;
            }
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

//! Three clients and their provider.

use crate::provider::Provider;
use crate::{Failure, ensure};
use folkmoot_client::UserName;
use folkmoot_client::core::Core;
use folkmoot_protocol::{GroupId, Timestamp};
use folkmoot_store::client::{ClientStore, MemoryStore};
use rand_core::CryptoRng;

/// Most requests of one client in a row.
const MAX_REQUESTS: usize = 200;
/// Messages that a client shows at most.
const MAX_MESSAGES: usize = 100;

/// One device.
struct Client {
    user: UserName,
    core: Core<MemoryStore>,
    requests: usize,
}

impl Client {
    /// Registers a device.
    fn register(
        name: &str,
        provider: &Provider,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Failure> {
        let user: UserName = format!("mimi://example.org/u/{name}").parse()?;
        let mut core = Core::new(MemoryStore::default())?;
        core.create_account(&provider.address()?, user.device("phone")?, rng)?;
        let mut client = Self {
            user,
            core,
            requests: 0,
        };
        client.run(provider, now, rng)?;
        ensure(client.core.is_registered(), "a device is not registered")?;
        Ok(client)
    }

    /// Asks and answers until there is nothing left to do.
    fn run(
        &mut self,
        provider: &Provider,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Failure> {
        self.core.begin_round();
        for _ in 0..MAX_REQUESTS {
            let Some(request) = self.core.next_request(now, rng)? else {
                return Ok(());
            };
            self.requests += 1;
            let answer = provider.answer(&request, now, rng);
            self.core.handle(answer, now, rng)?;
        }
        Err(format!("{} runs in circles", self.user).into())
    }

    fn texts(&self, group: GroupId) -> Result<Vec<String>, Failure> {
        let messages = self
            .core
            .store()
            .messages(Some(&group), false, MAX_MESSAGES)?;
        Ok(messages.into_iter().map(|message| message.text).collect())
    }
}

/// Three devices register; one makes a group and invites the others, who talk, renew their keys and are
/// removed. Says how many requests it took.
pub fn clients(now: Timestamp, rng: &mut dyn CryptoRng) -> Result<String, Failure> {
    let provider = Provider::new(now, rng)?;
    let mut alice = Client::register("alice", &provider, now, rng)?;
    let mut bob = Client::register("bob", &provider, now, rng)?;
    let mut carol = Client::register("carol", &provider, now, rng)?;

    let group = alice.core.create_group("books", now, rng)?;
    let guests = [bob.user.clone(), carol.user.clone()];
    let _ = alice.core.invite(group, &guests)?;
    alice.run(&provider, now, rng)?;
    let _ = alice.core.send(group, "Shall we read Moby-Dick?")?;
    all_run([&mut alice, &mut bob, &mut carol], &provider, now, rng)?;

    let _ = bob.core.send(group, "Only the whales.")?;
    let _ = bob.core.update(group)?;
    bob.run(&provider, now, rng)?;
    all_run([&mut alice, &mut bob, &mut carol], &provider, now, rng)?;
    let everyone = [&mut alice, &mut bob, &mut carol];
    agree(
        everyone,
        group,
        &["Shall we read Moby-Dick?", "Only the whales."],
    )?;

    let _ = alice.core.remove(group, &carol.user)?;
    alice.run(&provider, now, rng)?;
    let _ = alice.core.send(group, "all is well")?;
    all_run([&mut alice, &mut bob, &mut carol], &provider, now, rng)?;
    let texts = [
        "Shall we read Moby-Dick?",
        "Only the whales.",
        "all is well",
    ];
    agree([&mut alice, &mut bob], group, &texts)?;
    ensure(
        carol.texts(group)? == texts[..2],
        "who was removed reads on",
    )?;
    let requests = alice.requests + bob.requests + carol.requests;
    Ok(format!("clients: 3 devices, {requests} requests"))
}

fn all_run<const N: usize>(
    clients: [&mut Client; N],
    provider: &Provider,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<(), Failure> {
    for client in clients {
        client.run(provider, now, rng)?;
    }
    Ok(())
}

fn agree<const N: usize>(
    clients: [&mut Client; N],
    group: GroupId,
    texts: &[&str],
) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for client in clients {
        ensure(client.texts(group)? == texts, "a client has other texts")?;
        seen.push(client.core.epoch_authenticator(group)?);
    }
    let same = seen.windows(2).all(|pair| pair[0] == pair[1]);
    ensure(same, "clients of one epoch differ")
}

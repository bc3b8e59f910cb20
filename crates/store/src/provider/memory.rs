//! The provider's store without a disk.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use folkmoot_authentication as authentication;
use folkmoot_delivery as delivery;
use folkmoot_protocol::Timestamp;

use super::missing::{claimed_user, explain};
use super::{AuthenticationAnswer, Cores, DeliveryAnswer, OnAnswer, ProviderStore};

/// A provider's records in memory, for tests and simulated worlds. Answers come before
/// [`deliver`](ProviderStore::deliver) and [`authenticate`](ProviderStore::authenticate) return.
#[derive(Debug)]
pub struct MemoryStore {
    cores: Cores,
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    authentication: authentication::Records,
    delivery: delivery::Records,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(cores: Cores) -> Self {
        Self {
            cores,
            records: Mutex::default(),
        }
    }

    /// Records change only when a decision is complete, so that a panic leaves them sound.
    fn with_records<T>(&self, run: impl FnOnce(&mut Records) -> T) -> T {
        run(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ProviderStore for MemoryStore {
    fn deliver(
        &self,
        command: delivery::Command,
        now: Timestamp,
        on_answer: OnAnswer<DeliveryAnswer>,
    ) {
        let answer = self.with_records(|records| {
            let claimed = claimed_user(&command);
            let facts = records.delivery.load(&command.need(now));
            let mut decision = self.cores.delivery.decide(command, facts, now);
            let load = |need: &_| Ok::<_, Infallible>(records.authentication.load(need));
            let Ok(()) = explain(&mut decision, claimed.as_ref(), load);
            records.delivery.apply(decision.writes);
            DeliveryAnswer {
                reply: decision.reply,
                wakes: decision.wakes,
            }
        });
        on_answer(Ok(answer));
    }

    fn authenticate(
        &self,
        command: authentication::Command,
        now: Timestamp,
        on_answer: OnAnswer<AuthenticationAnswer>,
    ) {
        let reply = self.with_records(|records| {
            let facts = records.authentication.load(&command.need(now));
            let decision = self.cores.authentication.decide(command, facts, now);
            records.authentication.apply(decision.writes);
            decision.reply
        });
        on_answer(Ok(reply));
    }
}

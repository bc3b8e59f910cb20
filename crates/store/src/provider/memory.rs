//! The provider's store without a disk.

use std::sync::{Mutex, PoisonError};

use folkmoot_delivery::{Command, Records};
use folkmoot_protocol::Timestamp;

use super::{Answer, Cores, OnAnswer, ProviderStore};

/// A provider's records in memory, for tests and simulated worlds. Answers come before
/// [`deliver`](ProviderStore::deliver) returns.
#[derive(Debug)]
pub struct MemoryStore {
    cores: Cores,
    delivery: Mutex<Records>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(cores: Cores) -> Self {
        Self {
            cores,
            delivery: Mutex::default(),
        }
    }
}

impl ProviderStore for MemoryStore {
    fn deliver(&self, command: Command, now: Timestamp, on_answer: OnAnswer<Answer>) {
        let decision = {
            // Records are changed below only, after the decision, which is where a panic could be.
            let mut records = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
            let facts = records.load(&command.need(now));
            let mut decision = self.cores.delivery.decide(command, facts, now);
            records.apply(std::mem::take(&mut decision.writes));
            decision
        };
        on_answer(Ok(Answer {
            reply: decision.reply,
            wakes: decision.wakes,
        }));
    }
}

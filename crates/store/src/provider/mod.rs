//! What a provider keeps, and the one way to change it: load what a command needs, decide, apply,
//! and answer only after all of it is durable.
//!
//! [`SqliteStore`] keeps it in a file, [`MemoryStore`] in memory. Neither knows an async runtime: an
//! answer is a callback, which a server fulfils a future with.
//!
//! ```
//! use folkmoot_delivery::{Command, Delivery};
//! use folkmoot_protocol::{CreateGroup, GroupId, ReceiptKey, SlotId, SlotPublicKey, Timestamp};
//! use folkmoot_store::provider::{Cores, MemoryStore, ProviderStore};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//!
//! let delivery = Delivery::new("example.org".parse()?, ReceiptKey::generate(&mut rng)?);
//! let store = MemoryStore::new(Cores { delivery });
//! let command = Command::CreateGroup(CreateGroup {
//!     group: GroupId([1; 32]),
//!     slot: SlotId([2; 16]),
//!     slot_key: SlotPublicKey([3; 32]),
//! });
//! let answer = store.deliver_and_wait(command, Timestamp(1_700_000_000))?;
//! assert!(answer.reply.is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod memory;
mod sqlite;

use std::fmt::Debug;
use std::sync::mpsc::sync_channel;

use folkmoot_delivery::{Command, Delivery, Reply, Wake};
use folkmoot_protocol::{Problem, Timestamp};

pub use error::StoreError;
pub use memory::MemoryStore;
pub use sqlite::{MAX_BATCH, QUEUE_LENGTH, READERS, SqliteOptions, SqliteStore};

/// Who decides.
#[derive(Clone, Debug)]
pub struct Cores {
    /// The Delivery Service.
    pub delivery: Delivery,
}

/// What a command of the Delivery Service came to, now durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer or the refusal.
    pub reply: Result<Reply, Problem>,
    /// Who may have something new to read.
    pub wakes: Vec<Wake>,
}

/// Takes an answer, or why there is none. Runs on the store's threads and must not block.
pub type OnAnswer<A> = Box<dyn FnOnce(Result<A, StoreError>) + Send>;

/// A provider's records, and the cores that decide about them.
pub trait ProviderStore: Send + Sync + Debug {
    /// Runs one command. Each command sees all that were answered before it was submitted, and is
    /// done wholly or not at all. Never blocks: where too much waits already, the answer is
    /// [`StoreError::Busy`].
    fn deliver(&self, command: Command, now: Timestamp, on_answer: OnAnswer<Answer>);

    /// [`deliver`](Self::deliver) for callers that may block.
    fn deliver_and_wait(&self, command: Command, now: Timestamp) -> Result<Answer, StoreError> {
        wait(|on_answer| self.deliver(command, now, on_answer))
    }
}

fn wait<A: Send + 'static>(submit: impl FnOnce(OnAnswer<A>)) -> Result<A, StoreError> {
    let (sender, receiver) = sync_channel(1);
    submit(Box::new(move |answer| {
        // The receiver waits below for as long as this exists.
        let _ = sender.send(answer);
    }));
    receiver.recv().unwrap_or(Err(StoreError::Stopped))
}

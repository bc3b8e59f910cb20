//! What a provider keeps, and the one way to change it: load what a command needs, decide, apply,
//! and answer only after all of it is durable.
//!
//! [`SqliteStore`] keeps it in a file, [`MemoryStore`] in memory. Neither knows an async runtime: an
//! answer is a callback, which a server fulfils a future with.
//!
//! ```
//! use folkmoot_authentication::{Authentication, SessionKey};
//! use folkmoot_delivery::{Command, Delivery};
//! use folkmoot_identity::{RootAuthority, Validity};
//! use folkmoot_protocol::{
//!     CreateGroup, GroupId, ReceiptKey, RegistrationPolicy, SlotId, SlotPublicKey, Timestamp,
//! };
//! use folkmoot_store::provider::{Cores, MemoryStore, ProviderStore};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//!
//! let now = Timestamp(1_700_000_000);
//! let validity = Validity::from_now(now, 365 * 86_400);
//! let root = RootAuthority::create(&"example.org".parse()?, validity, &mut rng)?;
//! let store = MemoryStore::new(Cores {
//!     authentication: Authentication::new(
//!         root.create_issuing(validity, &mut rng)?,
//!         SessionKey::generate(&mut rng),
//!         RegistrationPolicy::Open,
//!     ),
//!     delivery: Delivery::new("example.org".parse()?, ReceiptKey::generate(&mut rng)?),
//! });
//! let command = Command::CreateGroup(CreateGroup {
//!     group: GroupId([1; 32]),
//!     slot: SlotId([2; 16]),
//!     slot_key: SlotPublicKey([3; 32]),
//! });
//! let answer = store.deliver_and_wait(command, now)?;
//! assert!(answer.reply.is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod memory;
mod missing;
#[cfg(not(target_family = "wasm"))]
mod sqlite;

use std::fmt::Debug;
use std::sync::mpsc::sync_channel;

use folkmoot_authentication::{self as authentication, Authentication};
use folkmoot_delivery::{self as delivery, Delivery, Wake};
use folkmoot_protocol::{Problem, Timestamp};

pub use error::StoreError;
pub use memory::MemoryStore;
#[cfg(not(target_family = "wasm"))]
pub use sqlite::{MAX_BATCH, QUEUE_LENGTH, READERS, SqliteOptions, SqliteStore};

/// Who decides.
#[derive(Clone, Debug)]
pub struct Cores {
    /// The Authentication Service.
    pub authentication: Authentication,
    /// The Delivery Service.
    pub delivery: Delivery,
}

/// What a command of the Authentication Service came to, now durable: the answer or the refusal.
pub type AuthenticationAnswer = Result<authentication::Reply, Problem>;

/// What a command of the Delivery Service came to, now durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAnswer {
    /// The answer or the refusal.
    pub reply: Result<delivery::Reply, Problem>,
    /// Who may have something new to read.
    pub wakes: Vec<Wake>,
}

/// Takes an answer, or why there is none. Runs on the store's threads and must not block.
pub type OnAnswer<A> = Box<dyn FnOnce(Result<A, StoreError>) + Send>;

/// A provider's records, and the cores that decide about them.
pub trait ProviderStore: Send + Sync + Debug {
    /// Runs one command of the Delivery Service. It sees all that was answered before it was
    /// submitted, and is done wholly or not at all. Never blocks: where too much waits already, the
    /// answer is [`StoreError::Busy`].
    ///
    /// A claim for a name that the Authentication Service does not know is refused as
    /// `unknown-user`, which the Delivery Service by itself cannot tell from `no-key-packages`.
    fn deliver(
        &self,
        command: delivery::Command,
        now: Timestamp,
        on_answer: OnAnswer<DeliveryAnswer>,
    );

    /// Runs one command of the Authentication Service, in the same way.
    fn authenticate(
        &self,
        command: authentication::Command,
        now: Timestamp,
        on_answer: OnAnswer<AuthenticationAnswer>,
    );

    /// [`deliver`](Self::deliver) for callers that may block.
    fn deliver_and_wait(
        &self,
        command: delivery::Command,
        now: Timestamp,
    ) -> Result<DeliveryAnswer, StoreError> {
        wait(|on_answer| self.deliver(command, now, on_answer))
    }

    /// [`authenticate`](Self::authenticate) for callers that may block.
    fn authenticate_and_wait(
        &self,
        command: authentication::Command,
        now: Timestamp,
    ) -> Result<AuthenticationAnswer, StoreError> {
        wait(|on_answer| self.authenticate(command, now, on_answer))
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

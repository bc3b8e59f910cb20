//! What a Delivery Service decides, without I/O: key packages, inboxes, and one totally ordered,
//! hash-chained log per group that only the group's slots can reach.
//!
//! Deciding is three pure steps. [`Delivery`] turns a request into a [`Command`], which costs no
//! record; [`Command::need`] names the records that the decision must see; and
//! [`Delivery::decide`] maps command and [`Facts`] to a [`Decision`]: what to write, what to
//! answer, whom to wake. A store loads, decides and applies in one transaction, and lets the answer
//! go only after it has committed. [`Records`] is such a store's content in memory.
//!
//! ```
//! use folkmoot_delivery::{Command, Delivery, Records};
//! use folkmoot_protocol::{CreateGroup, GroupId, ReceiptKey, SlotId, SlotPublicKey, Timestamp};
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//!
//! let delivery = Delivery::new("example.org".parse()?, ReceiptKey::generate(&mut rng)?);
//! let command = Command::CreateGroup(CreateGroup {
//!     group: GroupId([1; 32]),
//!     slot: SlotId([2; 16]),
//!     slot_key: SlotPublicKey([3; 32]),
//! });
//!
//! let mut records = Records::default();
//! let now = Timestamp(1_700_000_000);
//! let facts = records.load(&command.need(now));
//! let decision = delivery.decide(command, facts, now);
//! records.apply(decision.writes);
//! assert!(decision.reply.is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod command;
mod decide;
mod frame;
mod group;
mod inbox;
mod key_package;
mod log;
mod need;
mod records;

pub use command::{Command, Decision, FollowRequest, LogRequest, Reply, Subscription, Wake};
pub use decide::Delivery;
pub use key_package::OfferedKeyPackage;
pub use need::{
    EarlierAppend, EarlierPost, EntryRange, Facts, GroupFacts, GroupNeed, GroupRecord, InboxState,
    Need, SlotRecord, StoredEntry, StoredKeyPackage, StoredPost, Write,
};
pub use records::Records;

//! Engines for RFC 9420 as live members of the same groups.
//!
//! A [`Member`] is one client of one engine and speaks in bytes only. A [`World`] is the delivery
//! service that orders what members publish; after each epoch it compares what all of them hold. A
//! [`Script`] draws operations from a seed and lets a world carry them out.
#![forbid(unsafe_code)]

mod draw;
mod engine;
mod folkmoot;
mod member;
mod mls_rs;
mod openmls;
mod report;
mod script;
mod world;

pub use engine::{Engine, Quirk};
pub use member::{
    Change, EXTENSION, Entry, Handshakes, Member, Outcome, Published, Refusal, Seen, Settings, Tree,
};
pub use report::{Divergence, Tally};
pub use script::Script;
pub use world::{Plan, Proposed, World};

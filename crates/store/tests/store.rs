//! The provider's stores: one suite for all of them, and what only a file can do.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/durability.rs"]
mod durability;
#[path = "store/earlier.rs"]
mod earlier;
#[path = "store/members.rs"]
mod members;
#[path = "store/same_answers.rs"]
mod same_answers;

//! What is kept: by a provider ([`provider`]) and by a client ([`client`]).
//!
//! The two share no trait, for they are asked different things: a provider's store runs the
//! provider's decisions in transactions, a client's store takes what the client's step has changed.
//!
//! ```
//! use folkmoot_store::client::{ClientStore, MemoryStore};
//!
//! assert_eq!(MemoryStore::default().account()?, None);
//! # Ok::<(), folkmoot_store::client::ClientStoreError>(())
//! ```
#![forbid(unsafe_code)]

pub mod client;
pub mod provider;

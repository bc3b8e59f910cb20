//! Adversaries for the protocol engine, and honest people for them to attack.
//!
//! An [`Insider`] is a member who keeps to no rule: whatever it makes is signed, keyed and tagged as
//! the engine would, over content that the engine would never make. A [`Scene`] is a group of honest
//! people and one insider, and says whether they refuse what the insider sends.
//!
//! ```
//! use folkmoot_mls::{Check, LeafIndex, Proposal};
//! use folkmoot_sim::Scene;
//!
//! let mut scene = Scene::default();
//! let message = scene.mallory.propose(Proposal::Remove(LeafIndex(9)));
//! scene.refuses(&message, Check::RemovedIsMember);
//! ```
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    reason = "a simulation in which an honest member fails has failed"
)]

mod forge;
mod insider;
mod people;
mod scene;

pub use forge::{
    Forgery, ListedNode, external_join, key_package, leaf, node_list, reseal, sign_group_info,
};
pub use insider::Insider;
pub use people::{
    Invitee, Memory, Names, Person, SHARED, WORDS, crypto, lifetime, member, rng, services,
    shared_psk,
};
pub use scene::{Refusal, Scene, all_go_on, assert_agree, refusal, update};

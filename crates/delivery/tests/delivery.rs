//! The Delivery Service's decisions, on records in memory.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "delivery/access.rs"]
mod access;
#[path = "delivery/inboxes.rs"]
mod inboxes;
#[path = "delivery/key_packages.rs"]
mod key_packages;
#[path = "delivery/ordering.rs"]
mod ordering;
#[path = "delivery/provider.rs"]
mod provider;

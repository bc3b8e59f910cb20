//! The Authentication Service's decisions, on records in memory.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "authentication/invites.rs"]
mod invites;
#[path = "authentication/provider.rs"]
mod provider;
#[path = "authentication/registration.rs"]
mod registration;
#[path = "authentication/sessions.rs"]
mod sessions;

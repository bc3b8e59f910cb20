//! The engine as its users see it: groups in memory, every delta stored, every state reloaded.
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "mls/clients.rs"]
mod clients;
#[path = "mls/evolution.rs"]
mod evolution;
#[path = "mls/hostile.rs"]
mod hostile;
#[path = "mls/kit.rs"]
mod kit;
#[path = "mls/lifecycle.rs"]
mod lifecycle;
#[path = "mls/memory.rs"]
mod memory;
#[path = "mls/outside.rs"]
mod outside;
#[path = "mls/paging.rs"]
mod paging;
#[path = "mls/waiting.rs"]
mod waiting;
#[path = "mls/welcome.rs"]
mod welcome;

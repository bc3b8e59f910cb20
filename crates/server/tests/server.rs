//! A provider over real HTTPS on loopback.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "server/accounts.rs"]
mod accounts;
#[path = "server/logs.rs"]
mod logs;
#[path = "server/patience.rs"]
mod patience;
#[path = "server/restart.rs"]
mod restart;
#[path = "server/streams.rs"]
mod streams;
#[path = "server/transport.rs"]
mod transport;
#[path = "server/welcomes.rs"]
mod welcomes;
#[path = "server/world.rs"]
mod world;

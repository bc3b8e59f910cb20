//! Performs what the core decides: HTTPS, the profile on disk, the clock and randomness of the system.

mod client;
mod follow;
mod tls;
mod transport;

pub use client::Client;

use folkmoot_identity::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock.
fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(since.as_secs())
}

/// The system's randomness; it panics rather than give predictable bytes.
fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

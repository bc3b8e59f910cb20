//! The world outside of the decisions: the time and the operating system's randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use folkmoot_mls::Timestamp;
use getrandom::SysRng;
use rand_core::UnwrapErr;

/// Seconds since the epoch; 0 on a machine whose clock is before it.
pub(crate) fn now() -> Timestamp {
    Timestamp(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    )
}

/// The operating system's generator. A system without randomness cannot serve: it panics.
pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

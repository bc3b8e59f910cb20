//! How long operations took at smaller sizes, so that a peer is not asked for what would take too long.

use super::{Implementation, Op};
use crate::primitives::as_f64;
use std::collections::BTreeMap;
use std::time::Duration;

/// Below this, two sizes say nothing about growth.
const MEANINGFUL: Duration = Duration::from_millis(2);
/// Growth beyond this power is noise.
const MAX_POWER: f64 = 2.5;

/// Times by operation and implementation, the largest size last.
pub(crate) struct History {
    bound: Duration,
    times: BTreeMap<(Op, Implementation), Vec<(u32, Duration)>>,
}

impl History {
    pub(crate) fn new(bound: Duration) -> Self {
        Self {
            bound,
            times: BTreeMap::new(),
        }
    }

    pub(crate) fn record(&mut self, op: Op, who: Implementation, members: u32, time: Duration) {
        let times = self.times.entry((op, who)).or_default();
        match times.last_mut() {
            Some(last) if last.0 == members => last.1 = last.1.max(time),
            _ => times.push((members, time)),
        }
    }

    /// Whether an operation may begin: a peer's only where it will stay within the bound.
    pub(crate) fn allows(&self, op: Op, who: Implementation, members: u32) -> bool {
        !who.is_peer() || self.estimate(op, who, members) <= self.bound
    }

    fn estimate(&self, op: Op, who: Implementation, members: u32) -> Duration {
        let Some(times) = self.times.get(&(op, who)) else {
            return Duration::ZERO;
        };
        let Some((size, time)) = times.last() else {
            return Duration::ZERO;
        };
        let ratio = |large: u32, small: u32| f64::from(large) / f64::from(small);
        let power = match times.as_slice() {
            [.., (before, earlier), _] if *earlier > MEANINGFUL => {
                let growth = time.as_secs_f64() / earlier.as_secs_f64();
                let power = growth.ln() / ratio(*size, *before).ln();
                // What is quadratic shows late, behind what is linear and dearer.
                power.clamp(op.expected_growth(), MAX_POWER)
            }
            _ => op.expected_growth(),
        };
        let factor = ratio(members, *size).powf(power);
        let seconds = time.as_secs_f64() * factor;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    as_f64(usize::try_from(time.as_nanos()).unwrap_or(usize::MAX)) / 1e3
}

//! When a certificate is valid.

use folkmoot_mls::Timestamp;

use crate::error::{CertificateError, IssueError};

/// How much earlier than its making a certificate begins to be valid, in seconds, so that a peer
/// whose clock is behind accepts it.
pub const CLOCK_SKEW: u64 = 300;

/// The last second that X.509 can write: 9999-12-31T23:59:59Z (RFC 5280 §4.1.2.5).
const LATEST: u64 = 253_402_300_799;

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// From `not_before` to `not_after`; `None` if that is no moment at all or past the year 9999.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Option<Self> {
        (not_before <= not_after && not_after.0 <= LATEST).then_some(Self {
            not_before,
            not_after,
        })
    }

    /// From `now`, less [`CLOCK_SKEW`], for `seconds` from now; ends with the year 9999 at the latest.
    pub fn from_now(now: Timestamp, seconds: u64) -> Self {
        let not_after = now.0.saturating_add(seconds).min(LATEST);
        let not_before = now.0.saturating_sub(CLOCK_SKEW).min(not_after);
        Self {
            not_before: Timestamp(not_before),
            not_after: Timestamp(not_after),
        }
    }

    /// The first second of it.
    pub fn not_before(self) -> Timestamp {
        self.not_before
    }

    /// The last second of it.
    pub fn not_after(self) -> Timestamp {
        self.not_after
    }

    /// Whether `outer` holds all of it.
    pub(crate) fn is_within(self, outer: Self) -> bool {
        outer.not_before <= self.not_before && self.not_after <= outer.not_after
    }

    /// The part of it that `outer` holds.
    pub(crate) fn cut_to(self, outer: Self) -> Result<Self, IssueError> {
        self.both(outer).ok_or(IssueError::Validity)
    }

    /// When both are valid, if ever.
    pub(crate) fn both(self, other: Self) -> Option<Self> {
        Self::new(
            self.not_before.max(other.not_before),
            self.not_after.min(other.not_after),
        )
    }

    /// Refuses a moment outside.
    pub(crate) fn check(self, at: Timestamp) -> Result<(), CertificateError> {
        if at < self.not_before {
            return Err(CertificateError::NotYetValid {
                not_before: self.not_before,
            });
        }
        if at > self.not_after {
            return Err(CertificateError::Expired {
                not_after: self.not_after,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u64, to: u64) -> Validity {
        Validity::new(Timestamp(from), Timestamp(to)).unwrap()
    }

    #[test]
    fn both_ends_are_included() {
        let validity = span(10, 20);
        assert!(validity.check(Timestamp(10)).is_ok());
        assert!(validity.check(Timestamp(20)).is_ok());
        assert_eq!(
            validity.check(Timestamp(9)),
            Err(CertificateError::NotYetValid {
                not_before: Timestamp(10)
            })
        );
        assert_eq!(
            validity.check(Timestamp(21)),
            Err(CertificateError::Expired {
                not_after: Timestamp(20)
            })
        );
    }

    #[test]
    fn extreme_moments_give_a_span_that_x509_can_write() {
        assert_eq!(Validity::from_now(Timestamp(0), 60), span(0, 60));
        assert_eq!(
            Validity::from_now(Timestamp(u64::MAX), u64::MAX),
            span(LATEST, LATEST)
        );
        assert_eq!(Validity::from_now(Timestamp(1_000), 60), span(700, 1_060));
        assert_eq!(Validity::new(Timestamp(0), Timestamp(LATEST + 1)), None);
        assert_eq!(Validity::new(Timestamp(2), Timestamp(1)), None);
    }

    #[test]
    fn cutting_keeps_what_is_common() {
        assert_eq!(span(5, 30).cut_to(span(10, 20)), Ok(span(10, 20)));
        assert_eq!(span(12, 15).cut_to(span(10, 20)), Ok(span(12, 15)));
        assert_eq!(span(21, 30).cut_to(span(10, 20)), Err(IssueError::Validity));
        assert!(span(10, 20).is_within(span(10, 20)));
        assert!(!span(10, 21).is_within(span(10, 20)));
        assert!(!span(9, 20).is_within(span(10, 20)));
    }
}

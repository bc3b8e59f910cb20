//! How long a PrivateMessage shows itself to be (RFC 9420 §6.3.1, §15.1).

use core::num::NonZeroU16;

/// Zero bytes added before encryption, so that the length tells less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// None: lengths are what they are.
    None,
    /// Up to a multiple of so many bytes.
    Block(NonZeroU16),
    /// Up to a length whose low bits are zero: at most 12 % more, and O(log log n) bits of length
    /// are seen (Padmé; Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
    /// Communication with PURBs", 2019).
    #[default]
    Padme,
}

impl Padding {
    /// The padded length of `length` bytes.
    pub(super) fn padded(self, length: usize) -> usize {
        match self {
            Self::None => length,
            Self::Block(block) => length.next_multiple_of(block.get().into()),
            Self::Padme if length < 2 => length,
            Self::Padme => {
                let exponent = length.ilog2();
                let bits_kept = exponent.ilog2() + 1;
                length.next_multiple_of(1 << (exponent.saturating_sub(bits_kept)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_only_adds_and_lengths_collapse() {
        let block = Padding::Block(NonZeroU16::new(256).unwrap());
        for length in (0..5000).chain([1 << 20, (1 << 20) + 1]) {
            assert_eq!(Padding::None.padded(length), length);
            let blocks = block.padded(length);
            assert!(blocks >= length && blocks < length + 256 && blocks.is_multiple_of(256));
            let padme = Padding::Padme.padded(length);
            assert!(padme >= length && padme * 100 <= length * 112, "{length}");
            assert_eq!(Padding::Padme.padded(padme), padme);
        }
        let lengths: std::collections::HashSet<_> = (0..5000)
            .map(|length| Padding::Padme.padded(length))
            .collect();
        assert!(lengths.len() < 200, "{}", lengths.len());
    }
}

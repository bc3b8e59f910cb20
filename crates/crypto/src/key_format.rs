//! How the suites' curves serialise their keys; the same for every provider.

use crate::{CryptoError, Secret};
use rand_core::CryptoRng;
use std::borrow::Cow;

/// How often a random or derived scalar is drawn again because it is zero or not below the order of
/// the curve (RFC 9180 §7.1.3): once in 2^32 draws on P-256, less on the others.
pub(crate) const MAX_CANDIDATES: u8 = u8::MAX;

/// SEC 1 §2.3.3: the first byte of an uncompressed point, the only form that MLS has
/// (RFC 9420 §5.1.1, §5.1.2).
const UNCOMPRESSED: u8 = 4;

/// The serialised keys of one curve.
#[derive(Debug)]
pub(crate) struct KeyFormat {
    /// `Nsk` in bytes.
    pub(crate) private_length: usize,
    /// `Npk` in bytes.
    pub(crate) public_length: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Any string of the right length is a private key, and any a public one.
    #[cfg(all(feature = "openssl", not(target_family = "wasm")))]
    Strings,
    /// The same, but for the few public keys that `is_low_order` finds: agreements with those come
    /// to nothing, for whatever private key.
    Montgomery { is_low_order: fn(&[u8]) -> bool },
    /// The same, but a point has only one encoding.
    Ed25519,
    /// A big-endian scalar and an uncompressed point. `bitmask` leaves in a scalar's first byte what
    /// scalars below the order can have there.
    Weierstrass { bitmask: u8 },
}

impl KeyFormat {
    pub(crate) const X25519: Self = Self::new(
        32,
        32,
        Kind::Montgomery {
            is_low_order: is_low_order_x25519,
        },
    );
    pub(crate) const ED25519: Self = Self::new(32, 32, Kind::Ed25519);
    #[cfg(all(feature = "openssl", not(target_family = "wasm")))]
    pub(crate) const X448: Self = Self::new(
        56,
        56,
        Kind::Montgomery {
            is_low_order: is_low_order_x448,
        },
    );
    #[cfg(all(feature = "openssl", not(target_family = "wasm")))]
    pub(crate) const ED448: Self = Self::new(57, 57, Kind::Strings);
    pub(crate) const P256: Self = Self::new(32, 65, Kind::Weierstrass { bitmask: 0xff });
    pub(crate) const P384: Self = Self::new(48, 97, Kind::Weierstrass { bitmask: 0xff });
    pub(crate) const P521: Self = Self::new(66, 133, Kind::Weierstrass { bitmask: 0x01 });

    const fn new(private_length: usize, public_length: usize, kind: Kind) -> Self {
        Self {
            private_length,
            public_length,
            kind,
        }
    }

    /// The bitmask of RFC 9180 §7.1.3, where private keys are scalars below the order of a curve.
    pub(crate) fn bitmask(&self) -> Option<u8> {
        match self.kind {
            Kind::Weierstrass { bitmask } => Some(bitmask),
            _ => None,
        }
    }

    /// Whether public keys are points that can be off the curve, which is then found out before use.
    /// On Curve25519 and Curve448 any other string will do for an agreement, and a key that is no Edwards
    /// point verifies nothing.
    pub(crate) fn has_points(&self) -> bool {
        matches!(self.kind, Kind::Weierstrass { .. })
    }

    /// A private key at its full length. Scalars may lack their leading zeros: other implementations
    /// write them as integers.
    pub(crate) fn private<'a>(&self, private: &'a Secret) -> Result<Cow<'a, Secret>, CryptoError> {
        if private.len() == self.private_length {
            return Ok(Cow::Borrowed(private));
        }
        if self.bitmask().is_none() || private.is_empty() || private.len() > self.private_length {
            return Err(CryptoError::InvalidKey);
        }
        let mut padded = vec![0; self.private_length];
        padded[self.private_length - private.len()..].copy_from_slice(private.expose());
        Ok(Cow::Owned(Secret::from(padded)))
    }

    /// Checks what a public key's bytes show without arithmetic: its length, and that its point is
    /// written in the one way that is allowed.
    pub(crate) fn check_public(&self, public: &[u8]) -> Result<(), CryptoError> {
        let written_well = match self.kind {
            #[cfg(all(feature = "openssl", not(target_family = "wasm")))]
            Kind::Strings => true,
            Kind::Montgomery { is_low_order } => !is_low_order(public),
            Kind::Ed25519 => is_canonical_ed25519(public),
            Kind::Weierstrass { .. } => public.first() == Some(&UNCOMPRESSED),
        };
        if public.len() == self.public_length && written_well {
            Ok(())
        } else {
            Err(CryptoError::InvalidKey)
        }
    }

    /// Draws a private key that `accept` accepts.
    pub(crate) fn draw<T>(
        &self,
        rng: &mut dyn CryptoRng,
        accept: impl Fn(&Secret) -> Result<T, CryptoError>,
    ) -> Result<(Secret, T), CryptoError> {
        for _ in 0..=MAX_CANDIDATES {
            let private = crate::random_secret(rng, self.private_length)
                .with_first_byte_masked(self.bitmask().unwrap_or(u8::MAX));
            if let Ok(accepted) = accept(&private) {
                return Ok((private, accepted));
            }
        }
        Err(CryptoError::InvalidKey)
    }
}

/// The points of order 1, 2, 4 and 8 of Curve25519 and its twist (RFC 7748 §6.1, §7), in all the ways
/// that u can be written below 2^255.
fn is_low_order_x25519(public: &[u8]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
            0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
            0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83,
            0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd,
            0xd0, 0x9f, 0x11, 0x57,
        ],
    ];
    let Ok(mut u) = <[u8; 32]>::try_from(public) else {
        return false;
    };
    // RFC 7748 §5: the highest bit does not count.
    u[31] &= 0x7f;
    let (first, rest) = (u[0], &u[1..]);
    let is_small = rest.iter().all(|byte| *byte == 0) && first <= 1;
    // p - 1, p and p + 1, with p = 2^255 - 19.
    let is_around_p = rest[..30].iter().all(|byte| *byte == 0xff)
        && rest[30] == 0x7f
        && (0xec..=0xee).contains(&first);
    is_small || is_around_p || ORDER_8.contains(&u)
}

/// The points of order 1, 2 and 4 of Curve448 and its twist (RFC 7748 §6.2, §7), in all the ways that
/// u can be written in 56 bytes.
#[cfg(all(feature = "openssl", not(target_family = "wasm")))]
fn is_low_order_x448(public: &[u8]) -> bool {
    let Some((low, high)) = public.split_at_checked(28) else {
        return false;
    };
    let all = |bytes: &[u8], value: u8| bytes.iter().all(|byte| *byte == value);
    let is_small = low[0] <= 1 && all(&low[1..], 0) && all(high, 0);
    // p - 1, p and p + 1, with p = 2^448 - 2^224 - 1.
    let (first, rest) = high.split_first().unwrap_or((&0, &[]));
    let is_up_to_p = low[0] >= 0xfe && all(&low[1..], 0xff) && *first == 0xfe && all(rest, 0xff);
    let is_beyond_p = all(low, 0) && all(high, 0xff);
    is_small || is_up_to_p || is_beyond_p
}

/// RFC 8032 §5.1.3: y is below p = 2^255 - 19, and where x is 0 its sign is not set. Not every
/// library asks for that, and a signature must not be valid for some members only.
fn is_canonical_ed25519(public: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(public) else {
        return false;
    };
    let negative = y[31] & 0x80 != 0;
    y[31] &= 0x7f;
    y.reverse();
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0x7f, 0xed);
    let mut one = [0; 32];
    one[31] = 1;
    let mut minus_one = p;
    minus_one[31] -= 1;
    y < p && !(negative && (y == one || y == minus_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_may_lack_leading_zeros_and_nothing_else_may_be_short() {
        let short = Secret::from([7; 65].as_slice());
        let padded = KeyFormat::P521.private(&short).unwrap();
        assert_eq!(padded.expose(), [[0].as_slice(), &[7; 65]].concat());
        for (format, length) in [
            (KeyFormat::P521, 0),
            (KeyFormat::P521, 67),
            (KeyFormat::X25519, 31),
            (KeyFormat::ED25519, 31),
        ] {
            let private = Secret::zero(length);
            let refused = format.private(&private).unwrap_err();
            assert_eq!(refused, CryptoError::InvalidKey, "{format:?}");
        }
    }

    #[test]
    fn an_ed25519_point_has_one_encoding() {
        let encoding = |first: u8, last: u8| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (first, last);
            bytes
        };
        let small = |first: u8, last: u8| {
            let mut bytes = [0; 32];
            (bytes[0], bytes[31]) = (first, last);
            bytes
        };
        // p - 2, p - 1 with x = 0, 2 with either sign, and 1 with x = 0.
        for canonical in [
            encoding(0xeb, 0x7f),
            encoding(0xeb, 0xff),
            encoding(0xec, 0x7f),
            small(2, 0x80),
            small(1, 0),
        ] {
            assert!(is_canonical_ed25519(&canonical), "{canonical:02x?}");
        }
        // p, p + 1, and "negative zero" twice.
        for refused in [
            encoding(0xed, 0x7f),
            encoding(0xee, 0xff),
            encoding(0xec, 0xff),
            small(1, 0x80),
        ] {
            assert!(!is_canonical_ed25519(&refused), "{refused:02x?}");
        }
    }
}

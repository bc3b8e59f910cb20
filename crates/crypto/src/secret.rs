//! Bytes that must not outlive their use.

use core::fmt;
use subtle::ConstantTimeEq;
use tls_codec::{DeserializeBytes, Serialize, Size, VLByteSlice, VLBytes};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes: erased on drop, compared in constant time, never printed.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// `length` zero bytes, RFC 9420's "all-zero" secret.
    pub fn zero(length: usize) -> Self {
        Self(vec![0; length])
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every byte is zero, in constant time.
    pub(crate) fn is_zero(&self) -> bool {
        let any = self.0.iter().fold(0, |any, byte| any | byte);
        any.ct_eq(&0).into()
    }

    /// These bytes with only the bits of `bitmask` left in the first.
    pub(crate) fn with_first_byte_masked(mut self, bitmask: u8) -> Self {
        if let Some(first) = self.0.first_mut() {
            *first &= bitmask;
        }
        self
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({} bytes)", self.0.len())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl Size for Secret {
    fn tls_serialized_len(&self) -> usize {
        VLByteSlice(&self.0).tls_serialized_len()
    }
}

impl Serialize for Secret {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        VLByteSlice(&self.0).tls_serialize(writer)
    }
}

impl DeserializeBytes for Secret {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (value, rest) = VLBytes::tls_deserialize_bytes(bytes)?;
        Ok((Self(value.into()), rest))
    }
}

/// Equality whose time does not depend on the contents; different lengths are unequal.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_or_empty_tag_is_unequal() {
        assert!(constant_time_eq(b"tag", b"tag"));
        assert!(!constant_time_eq(b"tag", b"ta"));
        assert!(!constant_time_eq(b"tag", b""));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::from(b"hunter2".as_slice());
        assert_eq!(format!("{secret:?}"), "Secret(7 bytes)");
    }
}

//! Bytes as the vectors write them.

use core::ops::Deref;
use folkmoot_crypto::Secret;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use tls_codec::VLBytes;

/// Bytes that stand in JSON as hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hex(Vec<u8>);

impl Hex {
    pub(super) fn secret(&self) -> Secret {
        Secret::from(self.0.as_slice())
    }

    pub(super) fn vl_bytes(&self) -> VLBytes {
        VLBytes::new(self.0.clone())
    }
}

impl Deref for Hex {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Digits, for a failed comparison.
impl core::fmt::Debug for Hex {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl PartialEq<Hex> for Vec<u8> {
    fn eq(&self, hex: &Hex) -> bool {
        *self == hex.0
    }
}

impl PartialEq<Hex> for Secret {
    fn eq(&self, hex: &Hex) -> bool {
        self.expose() == hex.0
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text
            .chars()
            .map(|digit| {
                digit
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| D::Error::custom("not a hexadecimal digit"))?;
        if digits.len() % 2 != 0 {
            return Err(D::Error::custom("an odd number of hexadecimal digits"));
        }
        let bytes = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
        Ok(Self(bytes.collect()))
    }
}

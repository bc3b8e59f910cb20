//! Bytes and lists whose bounds are part of their types.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// More bytes or items than the type allows, or not as many as it demands.
///
/// The fault is with whoever made the value; nothing was sent or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LengthError {
    /// Over the bound.
    #[error("{length} is over the bound of {max}")]
    TooLong {
        /// What was offered, in bytes or items.
        length: usize,
        /// What is allowed.
        max: usize,
    },
    /// A value of fixed size has another one.
    #[error("{length} bytes where exactly {expected} belong")]
    NotExact {
        /// What was offered, in bytes.
        length: usize,
        /// What belongs there.
        expected: usize,
    },
}

/// At most `MAX` opaque bytes; unpadded base64url in JSON.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Bytes<MAX> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> TryFrom<Vec<u8>> for Bytes<MAX> {
    type Error = LengthError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, LengthError> {
        within(bytes.len(), MAX)?;
        Ok(Self(bytes))
    }
}

impl<const MAX: usize> TryFrom<&[u8]> for Bytes<MAX> {
    type Error = LengthError;

    fn try_from(bytes: &[u8]) -> Result<Self, LengthError> {
        within(bytes.len(), MAX)?;
        Ok(Self(bytes.to_vec()))
    }
}

impl<const MAX: usize> AsRef<[u8]> for Bytes<MAX> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Deref for Bytes<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Bytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl<const MAX: usize> Serialize for Bytes<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64 { max: MAX }).map(Self)
    }
}

/// Reads unpadded base64url of at most `max` decoded bytes.
pub(crate) struct Base64 {
    pub(crate) max: usize,
}

impl Visitor<'_> for Base64 {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unpadded base64url of at most {} bytes", self.max)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        // Three bytes make four characters; the remainder rounds down to what decodes.
        within(text.len() / 4 * 3 + (text.len() % 4) * 3 / 4, self.max).map_err(E::custom)?;
        URL_SAFE_NO_PAD.decode(text).map_err(E::custom)
    }
}

/// At most `MAX` items.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// The items, without a copy.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for List<T, MAX> {
    type Error = LengthError;

    fn try_from(items: Vec<T>) -> Result<Self, LengthError> {
        within(items.len(), MAX)?;
        Ok(Self(items))
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> IntoIterator for List<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for List<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX} items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    within(items.len() + 1, MAX).map_err(de::Error::custom)?;
                    items.push(item);
                }
                Ok(items)
            }
        }

        deserializer
            .deserialize_seq(Items::<T, MAX>(PhantomData))
            .map(Self)
    }
}

fn within(length: usize, max: usize) -> Result<(), LengthError> {
    if length > max {
        return Err(LengthError::TooLong { length, max });
    }
    Ok(())
}

/// Public values of exactly so many bytes: base64url in JSON, plain in the TLS presentation
/// language, hexadecimal for people.
macro_rules! fixed_bytes {
    ($($(#[$doc:meta])* $name:ident: $length:expr;)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            tls_codec::TlsSerialize, tls_codec::TlsDeserializeBytes, tls_codec::TlsSize,
        )]
        pub struct $name(pub [u8; $name::LENGTH]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// The bytes.
            pub fn as_slice(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = $crate::LengthError;

            fn try_from(bytes: &[u8]) -> Result<Self, $crate::LengthError> {
                bytes.try_into().map(Self).map_err(|_| $crate::LengthError::NotExact {
                    length: bytes.len(),
                    expected: Self::LENGTH,
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::bytes::serialize_fixed(&self.0, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                $crate::bytes::deserialize_fixed(d).map(Self)
            }
        }
    )+};
}
pub(crate) use fixed_bytes;

/// Secret values of exactly so many bytes: erased on drop, compared in constant time, not printed.
macro_rules! fixed_secrets {
    ($($(#[$doc:meta])* $name:ident: $length:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(folkmoot_crypto::Secret);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// A fresh one.
            pub fn generate(rng: &mut dyn rand_core::CryptoRng) -> Self {
                Self(folkmoot_crypto::random_secret(rng, Self::LENGTH))
            }

            /// The bytes, for a key derivation or an encoding.
            pub fn expose(&self) -> &[u8] {
                self.0.expose()
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = $crate::LengthError;

            fn try_from(bytes: &[u8]) -> Result<Self, $crate::LengthError> {
                if bytes.len() != Self::LENGTH {
                    return Err($crate::LengthError::NotExact {
                        length: bytes.len(),
                        expected: Self::LENGTH,
                    });
                }
                Ok(Self(folkmoot_crypto::Secret::from(bytes)))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
pub(crate) use fixed_secrets;

pub(crate) fn serialize_fixed<S: Serializer>(
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn deserialize_fixed<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    let bytes = deserializer.deserialize_str(Base64 { max: N })?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| {
        de::Error::custom(LengthError::NotExact {
            length,
            expected: N,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fixed_bytes! {
        /// Four bytes.
        Four: 4;
    }

    #[test]
    fn bytes_are_unpadded_base64url_within_their_bound() {
        let bytes = Bytes::<4>::try_from(vec![0xfb, 0xff, 0, 1]).unwrap();
        let json = serde_json::to_string(&bytes).unwrap();
        assert_eq!(json, "\"-_8AAQ\"");
        assert_eq!(serde_json::from_str::<Bytes<4>>(&json).unwrap(), bytes);
        assert!(serde_json::from_str::<Bytes<3>>(&json).is_err());
        for bad in [
            "\"-_8AAQ==\"",
            "\"+/8AAQ\"",
            "\"-_8AAR\"",
            "\"-_8AA\"",
            "7",
            "null",
        ] {
            assert!(serde_json::from_str::<Bytes<4>>(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Bytes::<3>::try_from(vec![0; 4]),
            Err(LengthError::TooLong { length: 4, max: 3 })
        );
        assert!(Bytes::<4>::try_from([0; 4].as_slice()).is_ok());
        assert_eq!(
            Bytes::<3>::try_from([0; 4].as_slice()),
            Err(LengthError::TooLong { length: 4, max: 3 })
        );
    }

    #[test]
    fn every_length_up_to_the_bound_decodes_and_the_next_does_not() {
        for length in 0..=65 {
            let json = serde_json::to_string(&Bytes::<99>(vec![7; length])).unwrap();
            assert_eq!(
                serde_json::from_str::<Bytes<64>>(&json).is_ok(),
                length <= 64,
                "{length}"
            );
        }
    }

    #[test]
    fn a_list_stops_at_its_bound() {
        assert_eq!(
            *serde_json::from_str::<List<u8, 2>>("[1,2]").unwrap(),
            [1, 2]
        );
        assert!(serde_json::from_str::<List<u8, 2>>("[1,2,3]").is_err());
        assert!(List::<u8, 2>::try_from(vec![1, 2, 3]).is_err());
    }

    #[test]
    fn fixed_bytes_have_exactly_their_length() {
        let four = Four([0, 1, 0xab, 255]);
        assert_eq!(four.to_string(), "0001abff");
        let json = serde_json::to_string(&four).unwrap();
        assert_eq!(serde_json::from_str::<Four>(&json).unwrap(), four);
        assert!(serde_json::from_str::<Four>("\"AAAA\"").is_err());
        assert!(serde_json::from_str::<Four>("\"AAAAAAA\"").is_err());
        assert!(Four::try_from([0; 5].as_slice()).is_err());
    }
}

//! Names: `example.org`, `mimi://example.org/u/alice`, `mimi://example.org/d/alice/phone`.
//!
//! A name has exactly one spelling, so that equal names are equal bytes wherever they are signed,
//! hashed or used as a key.

use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use tls_codec::{TlsVarInt, VLByteSlice};

/// Longest provider domain, in bytes (RFC 1035 §2.3.4, without the root's dot).
pub const MAX_DOMAIN: usize = 253;
/// Longest label of a provider domain, in bytes (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
/// Longest name of a user within a provider, or of a device within a user, in bytes.
pub const MAX_NAME_PART: usize = 64;
/// Longest URI of any name, in bytes.
pub const MAX_URI: usize = SCHEME.len() + MAX_DOMAIN + "/d/".len() + 2 * MAX_NAME_PART + "/".len();

const SCHEME: &str = "mimi://";

/// Why a text is not a name. The fault is with whoever wrote the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not `mimi://{domain}/u/{user}` or `mimi://{domain}/d/{user}/{device}`, whichever was asked.
    #[error("not a {expected} name: it must look like {shape}")]
    Shape {
        /// The kind of name that was asked for.
        expected: &'static str,
        /// What such a name looks like.
        shape: &'static str,
    },
    /// The domain is not a DNS name in lowercase letters, digits and hyphens.
    #[error(
        "not a provider domain: it must be a lowercase DNS name without a port, up to 253 bytes"
    )]
    Domain,
    /// The user or device part has a character or a length that is not allowed.
    #[error(
        "the {part} name must have 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', and begin \
         with a letter or digit"
    )]
    Part {
        /// `user` or `device`.
        part: &'static str,
    },
}

/// The DNS name of a provider: the authority of all its names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderDomain(String);

impl ProviderDomain {
    /// The domain as text, which is also its `Display`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderDomain {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_DOMAIN || !text.split('.').all(is_label) || ends_in_number(text) {
            return Err(NameError::Domain);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProviderDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user of a provider: `mimi://{domain}/u/{user}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName {
    domain: ProviderDomain,
    user: String,
}

impl UserName {
    const SHAPE: NameError = NameError::Shape {
        expected: "user",
        shape: "mimi://{domain}/u/{user}",
    };

    /// The user called `user` at `domain`.
    pub fn new(domain: &ProviderDomain, user: &str) -> Result<Self, NameError> {
        Ok(Self {
            domain: domain.clone(),
            user: part("user", user)?,
        })
    }

    /// The provider that names this user.
    pub fn domain(&self) -> &ProviderDomain {
        &self.domain
    }

    /// The last part alone: `alice`.
    pub fn user_part(&self) -> &str {
        &self.user
    }

    /// The device called `device` of this user.
    pub fn device(&self, device: &str) -> Result<DeviceName, NameError> {
        Ok(DeviceName {
            user: self.clone(),
            device: part("device", device)?,
        })
    }
}

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (domain, path) = authority_and_path(text).ok_or(Self::SHAPE)?;
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["u", user] => Self::new(&domain.parse()?, user),
            _ => Err(Self::SHAPE),
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/u/{}", self.domain, self.user)
    }
}

/// A device of a user, which is one MLS client: `mimi://{domain}/d/{user}/{device}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceName {
    user: UserName,
    device: String,
}

impl DeviceName {
    const SHAPE: NameError = NameError::Shape {
        expected: "device",
        shape: "mimi://{domain}/d/{user}/{device}",
    };

    /// The device called `device` of the user called `user` at `domain`.
    pub fn new(domain: &ProviderDomain, user: &str, device: &str) -> Result<Self, NameError> {
        UserName::new(domain, user)?.device(device)
    }

    /// The user whose device this is.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// The provider that names this device.
    pub fn domain(&self) -> &ProviderDomain {
        self.user.domain()
    }

    /// The last part alone: `phone`.
    pub fn device_part(&self) -> &str {
        &self.device
    }
}

impl FromStr for DeviceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (domain, path) = authority_and_path(text).ok_or(Self::SHAPE)?;
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["d", user, device] => Self::new(&domain.parse()?, user, device),
            _ => Err(Self::SHAPE),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{SCHEME}{}/d/{}/{}",
            self.domain(),
            self.user.user,
            self.device
        )
    }
}

/// Splits off the scheme and cuts at the first `/`; refuses what is too long to be a name, so that
/// the work below is bounded.
fn authority_and_path(text: &str) -> Option<(&str, &str)> {
    if text.len() > MAX_URI {
        return None;
    }
    text.strip_prefix(SCHEME)?.split_once('/')
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A last label of digits is how URI parsers recognise an IPv4 address (WHATWG URL §3.5).
fn ends_in_number(domain: &str) -> bool {
    domain
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()))
}

/// Beginning with a letter or digit keeps out `.` and `..`, which URI parsers resolve, and what a
/// command line would take for an option.
fn part(part: &'static str, text: &str) -> Result<String, NameError> {
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if text.len() > MAX_NAME_PART || !begins_well || !text.bytes().all(allowed) {
        return Err(NameError::Part { part });
    }
    Ok(text.to_owned())
}

/// The encodings that all names share: a string in serde, `opaque text<V>` in the TLS presentation
/// language.
macro_rules! encodings {
    ($name:ident, $what:literal) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }

        impl tls_codec::Size for $name {
            fn tls_serialized_len(&self) -> usize {
                VLByteSlice(self.to_string().as_bytes()).tls_serialized_len()
            }
        }

        impl tls_codec::Serialize for $name {
            fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
                VLByteSlice(self.to_string().as_bytes()).tls_serialize(writer)
            }
        }

        impl tls_codec::Size for &$name {
            fn tls_serialized_len(&self) -> usize {
                (**self).tls_serialized_len()
            }
        }

        impl tls_codec::Serialize for &$name {
            fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
                (**self).tls_serialize(writer)
            }
        }

        impl tls_codec::Deserialize for $name {
            fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
                let text = read_text(reader)?;
                text.parse().map_err(|e: NameError| invalid(&e))
            }
        }

        impl tls_codec::DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
                let mut rest = bytes;
                let name = tls_codec::Deserialize::tls_deserialize(&mut rest)?;
                Ok((name, rest))
            }
        }
    };
}

encodings!(ProviderDomain, "the domain of a provider");
encodings!(UserName, "the URI of a user");
encodings!(DeviceName, "the URI of a device");

/// Reads `opaque text<V>` of at most [`MAX_URI`] bytes.
fn read_text<R: Read>(reader: &mut R) -> Result<String, tls_codec::Error> {
    let length = <TlsVarInt as tls_codec::Deserialize>::tls_deserialize(reader)?.value();
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_URI)
        .ok_or(tls_codec::Error::InvalidVectorLength)?;
    let mut text = vec![0; length];
    reader.read_exact(&mut text)?;
    String::from_utf8(text).map_err(|e| invalid(&e))
}

fn invalid(error: &dyn std::error::Error) -> tls_codec::Error {
    tls_codec::Error::DecodingError(error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tls_codec::{Deserialize as _, DeserializeBytes as _, Serialize as _, Size as _};

    use super::*;

    fn domains() -> impl Strategy<Value = String> {
        "[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\\.[a-z]([a-z0-9-]{0,10}[a-z0-9])?){1,4}"
    }

    fn parts() -> impl Strategy<Value = String> {
        "[a-z0-9][a-z0-9._-]{0,63}"
    }

    proptest! {
        #[test]
        fn a_device_name_survives_each_of_its_encodings(
            domain in domains(), user in parts(), device in parts()
        ) {
            let uri = format!("mimi://{domain}/d/{user}/{device}");
            let name: DeviceName = uri.parse()?;
            prop_assert_eq!(name.to_string(), uri.clone());
            prop_assert_eq!(name.user().to_string(), format!("mimi://{domain}/u/{user}"));
            prop_assert_eq!(name.user().to_string().parse::<UserName>()?, name.user().clone());
            prop_assert_eq!(name.domain().as_str(), &domain);
            prop_assert_eq!((name.user().user_part(), name.device_part()), (&*user, &*device));

            let encoded = name.tls_serialize_detached()?;
            prop_assert_eq!(encoded.len(), name.tls_serialized_len());
            prop_assert!(encoded.ends_with(uri.as_bytes()));
            prop_assert_eq!(&DeviceName::tls_deserialize_exact(&encoded)?, &name);
            let json = serde_json::to_string(&name)?;
            prop_assert_eq!(&json, &format!("\"{uri}\""));
            prop_assert_eq!(serde_json::from_str::<DeviceName>(&json)?, name);
        }

        #[test]
        fn what_parses_is_written_back_as_it_was_read(text in "\\PC{0,80}|mimi://[ -~]{0,80}") {
            if let Ok(name) = text.parse::<ProviderDomain>() {
                prop_assert_eq!(name.to_string(), text.clone());
            }
            if let Ok(name) = text.parse::<UserName>() {
                prop_assert_eq!(name.to_string(), text.clone());
            }
            if let Ok(name) = text.parse::<DeviceName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok((name, rest)) = DeviceName::tls_deserialize_bytes(&bytes) {
                prop_assert_eq!(name.tls_serialized_len() + rest.len(), bytes.len());
            }
        }
    }

    #[test]
    fn domains_that_are_not_dns_names_are_refused() {
        let long = format!("{}.org", "a.".repeat(125) + "a");
        let label = format!("{}.org", "a".repeat(64));
        for text in [
            "",
            ".",
            "example.",
            ".org",
            "a..b",
            "Example.org",
            "example.org:443",
            "-a.org",
            "a-.org",
            "a_b.org",
            "127.0.0.1",
            "example.42",
            "exämple.org",
            "a b",
            "a/b",
            "[::1]",
            &long,
            &label,
        ] {
            assert_eq!(
                text.parse::<ProviderDomain>(),
                Err(NameError::Domain),
                "{text}"
            );
        }
        for text in ["localhost", "example.org", "a.b-c.example", "4chan.org"] {
            assert!(text.parse::<ProviderDomain>().is_ok(), "{text}");
        }
    }

    #[test]
    fn the_longest_name_has_the_stated_length_and_one_byte_more_is_refused() {
        let domain = "a.".repeat(126) + "b";
        assert_eq!(domain.len(), MAX_DOMAIN);
        let part = "p".repeat(MAX_NAME_PART);
        let uri = format!("mimi://{domain}/d/{part}/{part}");
        assert_eq!(uri.len(), MAX_URI);
        assert!(uri.parse::<DeviceName>().is_ok());
        assert_eq!(
            format!("{uri}p").parse::<DeviceName>(),
            Err(DeviceName::SHAPE)
        );
        let domain: ProviderDomain = "example.org".parse().unwrap();
        assert_eq!(
            UserName::new(&domain, &format!("{part}p")),
            Err(NameError::Part { part: "user" })
        );
        assert_eq!(
            DeviceName::new(&domain, "alice", &format!("{part}p")),
            Err(NameError::Part { part: "device" })
        );
    }

    #[test]
    fn parts_with_other_characters_are_refused() {
        let domain: ProviderDomain = "example.org".parse().unwrap();
        for text in [
            "", ".", "..", ".a", "-a", "_a", "Alice", "al ice", "a/b", "a%20", "ä", "a\0", "a\n",
        ] {
            let refused = Err(NameError::Part { part: "user" });
            assert_eq!(UserName::new(&domain, text), refused, "{text:?}");
        }
    }

    #[test]
    fn uris_of_another_shape_are_refused() {
        for text in [
            "",
            "alice",
            "mimi://",
            "mimi://example.org",
            "mimi://example.org/u",
            "mimi://example.org/u/alice/",
            "mimi://example.org/u/alice/phone",
            "mimi://example.org/d/alice/phone",
            "MIMI://example.org/u/alice",
            "https://example.org/u/alice",
            " mimi://example.org/u/alice",
        ] {
            assert_eq!(text.parse::<UserName>(), Err(UserName::SHAPE), "{text}");
        }
        assert_eq!(
            "mimi:///u/alice".parse::<UserName>(),
            Err(NameError::Domain)
        );
        let part = NameError::Part { part: "user" };
        assert_eq!("mimi://example.org/u/".parse::<UserName>(), Err(part));
        for text in ["mimi://example.org/u/alice", "mimi://example.org/d/alice"] {
            assert_eq!(text.parse::<DeviceName>(), Err(DeviceName::SHAPE), "{text}");
        }
    }

    #[test]
    fn an_encoded_name_with_a_wrong_length_is_refused() {
        let name: UserName = "mimi://example.org/u/alice".parse().unwrap();
        let encoded = name.tls_serialize_detached().unwrap();
        assert!(UserName::tls_deserialize_exact(&encoded[..encoded.len() - 1]).is_err());
        let trailing = [&encoded[..], b"x"].concat();
        assert!(UserName::tls_deserialize_exact(&trailing).is_err());
        let oversized = [&[0xbf, 0xff, 0xff, 0xff][..], &encoded].concat();
        assert_eq!(
            UserName::tls_deserialize(&mut oversized.as_slice()),
            Err(tls_codec::Error::InvalidVectorLength)
        );
        assert!(serde_json::from_str::<UserName>("\"alice\"").is_err());
        assert!(serde_json::from_str::<UserName>("7").is_err());
    }
}

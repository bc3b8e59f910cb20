//! Short secret texts with a bound and an alphabet.

/// Texts of 1 to so many characters that are safe in a URL and a header; they are not printed, for
/// each of them grants something.
macro_rules! bounded_text {
    ($($(#[$doc:meta])* $name:ident: $max:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::TextError;

            fn try_from(text: String) -> Result<Self, $crate::TextError> {
                $crate::text::check(&text, $max)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::TextError;

            fn from_str(text: &str) -> Result<Self, $crate::TextError> {
                $crate::text::check(text, $max)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}
pub(crate) use bounded_text;

/// An invite code or token that cannot be one. The fault is with whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {max} of the characters A-Z, a-z, 0-9, '-', '_' and '.'")]
pub struct TextError {
    /// Longest allowed, in characters.
    pub max: usize,
}

pub(crate) fn check(text: &str, max: usize) -> Result<(), TextError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || text.len() > max || !text.bytes().all(allowed) {
        return Err(TextError { max });
    }
    Ok(())
}

//! The bytes that are signed and hashed: TLS presentation language, each under a label of its own.

use tls_codec::{Serialize, VLByteSlice};

use crate::Digest;

/// `opaque label<V>`, first in everything that is signed or hashed.
pub(crate) fn label(text: &'static str) -> VLByteSlice<'static> {
    VLByteSlice(text.as_bytes())
}

/// Encodes one of this crate's signed contents.
pub(crate) fn encoded(content: &impl Serialize) -> Vec<u8> {
    content
        .tls_serialize_detached()
        .expect("every field is within bounds far below the codec's")
}

/// SHA-256 of the encoding.
pub(crate) fn digest(content: &impl Serialize) -> Digest {
    Digest::of(&encoded(content))
}

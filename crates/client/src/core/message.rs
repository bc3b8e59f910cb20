//! What travels inside messages: the text, and what the sender had seen of the log.

use folkmoot_protocol::{ChainHead, LogPosition, Sequence};
use tls_codec::{DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::error::Error;

/// The longest text of a message in bytes.
pub const MAX_TEXT: usize = 64 << 10;

const VERSION: u8 = 1;

/// The plaintext of an application message.
#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Content {
    version: u8,
    text: VLBytes,
}

/// The authenticated data of every message: the last place of the log that its sender had seen.
#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Seen {
    version: u8,
    sequence: u64,
    head: [u8; 32],
}

pub(super) fn encode_text(text: &str) -> Result<Vec<u8>, Error> {
    if text.len() > MAX_TEXT {
        return Err(Error::TooLarge {
            what: "the text",
            size: text.len(),
            limit: MAX_TEXT,
        });
    }
    Ok(encode(&Content {
        version: VERSION,
        text: text.as_bytes().into(),
    }))
}

pub(super) fn decode_text(bytes: &[u8]) -> Option<String> {
    let content = Content::tls_deserialize_exact_bytes(bytes).ok()?;
    if content.version != VERSION || content.text.as_slice().len() > MAX_TEXT {
        return None;
    }
    String::from_utf8(content.text.into()).ok()
}

pub(super) fn encode_seen(position: &LogPosition) -> Vec<u8> {
    let (sequence, head) = (position.sequence.0, position.head.0);
    encode(&Seen {
        version: VERSION,
        sequence,
        head,
    })
}

pub(super) fn decode_seen(bytes: &[u8]) -> Option<(Sequence, ChainHead)> {
    let seen = Seen::tls_deserialize_exact_bytes(bytes).ok()?;
    (seen.version == VERSION).then_some((Sequence(seen.sequence), ChainHead(seen.head)))
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    value
        .tls_serialize_detached()
        .expect("texts are bounded far below 2^30 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_survives_and_anything_else_is_none() {
        let bytes = encode_text("hello").unwrap();
        assert_eq!(decode_text(&bytes).as_deref(), Some("hello"));
        let surplus = [bytes.as_slice(), b"x"].concat();
        let version = [&[2], &bytes[1..]].concat();
        let not_utf8 = encode(&Content {
            version: VERSION,
            text: vec![0xff].into(),
        });
        for bad in [surplus, version, not_utf8, bytes[..3].to_vec()] {
            assert_eq!(decode_text(&bad), None);
        }
        let long = "x".repeat(MAX_TEXT + 1);
        assert!(matches!(encode_text(&long), Err(Error::TooLarge { .. })));
    }
}

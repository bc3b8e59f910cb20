//! Bodies: JSON of bounded size.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::bounds::MAX_BODY;

/// Why a body is not the message that belongs there. The fault is the sender's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Over the bound of all bodies.
    #[error("a body of {length} bytes is over the bound of {MAX_BODY}")]
    TooLarge {
        /// What came, in bytes.
        length: usize,
    },
    /// Not this message, or a part of it is over its own bound.
    #[error("not the message that belongs here: {0}")]
    Malformed(String),
}

/// Reads one message from a whole body.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    if body.len() > MAX_BODY {
        return Err(DecodeError::TooLarge { length: body.len() });
    }
    serde_json::from_slice(body).map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// Writes one of this crate's messages as a body.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("the messages of this crate have string keys only")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{MAX_CLOSES, MAX_MESSAGE, MAX_OPENS, MAX_WELCOME, MAX_WELCOME_PART};
    use crate::{
        AckInbox, Action, Append, Digest, EntryKind, Epoch, GroupId, IdempotencyKey, InboxCursor,
        Joiner, Signature, SlotId, SlotRequest, Timestamp,
    };

    #[test]
    fn the_largest_append_fits_into_a_body() {
        let joiner = Joiner {
            slot: SlotId([255; 16]),
            ticket_digest: Digest([255; 32]),
            part: Some(vec![255; MAX_WELCOME_PART].try_into().unwrap()),
        };
        let append = Append {
            idempotency: IdempotencyKey([255; 16]),
            epoch: Epoch(u64::MAX),
            kind: EntryKind::Application,
            message: vec![255; MAX_MESSAGE].try_into().unwrap(),
            welcome: Some(vec![255; MAX_WELCOME].try_into().unwrap()),
            opens: vec![joiner; MAX_OPENS].try_into().unwrap(),
            closes: vec![SlotId([255; 16]); MAX_CLOSES].try_into().unwrap(),
        };
        let request = SlotRequest {
            group: GroupId([255; 32]),
            slot: SlotId([255; 16]),
            time: Timestamp(u64::MAX),
            action: Action::Append(append),
            signature: Signature([255; 64]),
        };
        assert_eq!(decode::<SlotRequest>(&encode(&request)), Ok(request));
    }

    #[test]
    fn a_body_over_its_bound_is_not_read() {
        let body = vec![b' '; MAX_BODY + 1];
        assert_eq!(
            decode::<AckInbox>(&body),
            Err(DecodeError::TooLarge {
                length: MAX_BODY + 1
            })
        );
    }

    #[test]
    fn truncated_trailing_unknown_and_missing_are_refused() {
        let ack = AckInbox {
            through: InboxCursor(7),
        };
        assert_eq!(decode(b" {\"through\":7} "), Ok(ack));
        for body in [
            "",
            "{\"through\":7",
            "{\"through\":7}}",
            "{\"through\":7,\"through\":8}",
            "{\"through\":7,\"other\":8}",
            "{\"through\":-7}",
            "{\"through\":7.5}",
            "{\"through\":\"7\"}",
            "{}",
            "[",
        ] {
            let read = decode::<AckInbox>(body.as_bytes());
            assert!(matches!(read, Err(DecodeError::Malformed(_))), "{body}");
        }
    }
}

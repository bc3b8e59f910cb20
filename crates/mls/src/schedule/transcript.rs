//! Transcript hashes (RFC 9420 §8.2).

use crate::framing::{FramedContent, WireFormat};
use crate::wire::encode;
use folkmoot_crypto::Crypto;
use tls_codec::VLByteSlice;

/// Takes a commit into the confirmed transcript hash, wire format as sent (check 91).
pub(crate) fn confirmed_transcript_hash(
    crypto: &dyn Crypto,
    interim_before: &[u8],
    wire_format: WireFormat,
    content: &FramedContent,
    signature: &[u8],
) -> Vec<u8> {
    let mut input = interim_before.to_vec();
    input.extend(encode(&wire_format));
    input.extend(encode(content));
    input.extend(encode(&VLByteSlice(signature)));
    crypto.hash(&input)
}

/// Takes a commit's confirmation tag into the interim transcript hash.
pub(crate) fn interim_transcript_hash(
    crypto: &dyn Crypto,
    confirmed: &[u8],
    confirmation_tag: &[u8],
) -> Vec<u8> {
    let mut input = confirmed.to_vec();
    input.extend(encode(&VLByteSlice(confirmation_tag)));
    crypto.hash(&input)
}

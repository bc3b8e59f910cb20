//! A fuzzer's bytes as a script, and edits that the script asks for.

use folkmoot_mls::hazmat;
use tls_codec::{DeserializeBytes, Serialize};

/// Edits of one byte string at a time.
const MAX_EDITS: usize = 7;

/// Bytes to be taken from the left; past the end everything is zero.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn long(&mut self) -> u64 {
        let mut bytes = [0; 8];
        for byte in &mut bytes {
            *byte = self.byte();
        }
        u64::from_be_bytes(bytes)
    }

    /// One of `count` choices.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    /// True for every `one_in`-th byte, and not for zero.
    pub(crate) fn once_in(&mut self, one_in: u8) -> bool {
        self.byte() % one_in == one_in - 1
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let place = self.below(from.len());
        from.get(place).cloned()
    }

    /// So many bytes as the next one says, and as there are.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Edits bytes as the script says, often not at all.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>) {
        let edits = self.below(2 * MAX_EDITS).saturating_sub(MAX_EDITS);
        for _ in 0..edits {
            self.edit_once(bytes);
        }
    }

    /// One edit. Those that keep the length come first: what they leave is decoded more often.
    pub(crate) fn edit_once(&mut self, bytes: &mut Vec<u8>) {
        let kind = self.below(8);
        let place = usize::from(self.short()) % (bytes.len() + 1);
        let end = bytes.len().min(place + 1 + self.below(64));
        match (kind, bytes.get_mut(place)) {
            (0 | 1, Some(byte)) => *byte = self.byte(),
            (2, Some(byte)) => *byte ^= 1 << self.below(8),
            (3, Some(byte)) => *byte = byte.wrapping_add(1),
            (4, Some(_)) => drop(bytes.drain(place..end)),
            (5, Some(_)) => bytes.extend_from_within(place..end),
            (6, Some(_)) => bytes.truncate(place),
            _ => drop(bytes.splice(place..place, self.bytes().iter().copied())),
        }
    }

    /// A value whose encoding was edited, or the value itself where that is no encoding.
    pub(crate) fn edited<T: Serialize + DeserializeBytes>(&mut self, value: T) -> T {
        let mut bytes = hazmat::to_bytes(&value);
        self.edit(&mut bytes);
        hazmat::from_bytes(&bytes).unwrap_or(value)
    }
}

//! Where an epoch's secrets come from (RFC 9420 §8, §9).

mod exporter_tree;
mod key_schedule;
mod psk;
mod ratchet;
mod reservation;
mod secret_tree;
mod transcript;

pub(crate) use exporter_tree::ExporterTree;
pub(crate) use key_schedule::{EpochSecrets, JoinerSecret, welcome_key_and_nonce};
pub(crate) use psk::{Psks, fresh_psk_id, psk_secret};
pub(crate) use ratchet::{KeyAndNonce, RatchetKind, RatchetState};
pub(crate) use reservation::Reservation;
pub(crate) use secret_tree::{RatchetId, RatchetStep, SecretTree, SkipBounds};
pub(crate) use transcript::{confirmed_transcript_hash, interim_transcript_hash};

//! Every message between a client and its provider, with the bounds that either side insists on.
//!
//! Messages are JSON ([`encode`], [`decode`]); bytes in them are unpadded base64url. What is signed
//! or hashed (slot requests, receipts, the chain over a group's log) is encoded in the TLS
//! presentation language under a label of its own. Decoding is strict: unknown fields, wrong
//! lengths and anything over its bound are refused.
//!
//! ```
//! use folkmoot_protocol::{AckInbox, InboxCursor, decode, encode};
//!
//! let ack = AckInbox { through: InboxCursor(7) };
//! assert_eq!(decode::<AckInbox>(&encode(&ack))?, ack);
//! assert!(decode::<AckInbox>(br#"{"through":7,"surplus":1}"#).is_err());
//! # Ok::<(), folkmoot_protocol::DecodeError>(())
//! ```
#![forbid(unsafe_code)]

mod account;
mod body;
pub mod bounds;
mod bytes;
mod group;
mod inbox;
mod join_address;
mod key_package;
mod log;
mod number;
pub mod path;
mod problem;
mod receipt;
mod redeem;
mod signed;
mod slot;
mod stream;
mod text;
mod welcome;

pub use account::{
    CertificateDer, Challenge, InviteCode, OpenSession, ProviderInfo, Register, Registered,
    RegistrationPolicy, Session, SessionToken,
};
pub use body::{DecodeError, decode, encode};
pub use bytes::{Bytes, LengthError, List};
pub use folkmoot_mls::{Epoch, Timestamp};
pub use group::{
    ChainHead, Digest, GROUP_NAME_EXTENSION, GroupId, IdempotencyKey, MAX_GROUP_NAME,
    ReceiptPublicKey, SLOT_SECRET_EXTENSION, Sequence, Signature, SlotId, SlotPublicKey,
    SlotSecret, Ticket, WelcomeKey,
};
pub use inbox::{
    AckInbox, InboxCursor, InboxItem, InboxPage, MalformedPointer, POINTER_LABEL, POINTER_LENGTH,
    Pointer, PostPointer, Posted, SealedPointer,
};
pub use join_address::{CertificatePin, JoinAddress, JoinAddressError, MAX_JOIN_ADDRESS};
pub use key_package::{
    ClaimKeyPackages, ClaimedKeyPackage, KeyPackageBytes, KeyPackageRefBytes, KeyPackagesAvailable,
    KeyPackagesClaimed, KeyPackagesUploaded, UploadKeyPackages,
};
pub use log::{BrokenChain, EntryKind, LogEntry, LogPosition, NewEntry, Opening};
pub use problem::{Problem, ProblemCode};
pub use receipt::{ForgedReceipt, Receipt, ReceiptKey};
pub use redeem::{Redeem, Redeemed, VerifiedRedeem};
pub use slot::{
    Action, Append, Appended, CreateGroup, Joiner, LogPage, RequestRejected, SlotRequest,
    VerifiedSlotRequest,
};
pub use stream::{StreamEvent, StreamRequest};
pub use text::TextError;
pub use welcome::{DamagedWelcome, JoinerWelcome, SealedWelcome, UnsealableWelcome};

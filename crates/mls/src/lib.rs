//! Messaging Layer Security (RFC 9420), without I/O, clock, threads or global randomness.
//!
//! A [`Group`] is one member's view of one group. Bytes become an [`MlsMessage`]; [`Group::receive`]
//! verifies it entirely and gives an [`Incoming`] without changing anything; the application decides
//! (checks 64, 77); [`Group::apply`] enters the next state. Whatever changes a group gives a [`Delta`],
//! exactly the records to store, in one transaction, before anything is sent or shown;
//! [`Group::load`] restores the group from them.
//!
//! ```
//! use folkmoot_crypto::suite_one;
//! use folkmoot_mls::*;
//! # struct Trusting;
//! # impl AuthenticationService for Trusting {
//! #     fn validate(&self, _: &Credential, _: &[u8], _: Option<Timestamp>) -> Result<(), CredentialRejected> { Ok(()) }
//! #     fn client(&self, credential: &Credential) -> Option<ClientId> { None }
//! #     fn succeeds(&self, old: &Credential, new: &Credential) -> bool { old == new }
//! # }
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! let crypto = suite_one();
//! let lifetime = Lifetime { not_before: Timestamp(0), not_after: Timestamp(86_400) };
//! let mut member = |name: &str| -> Result<Member, folkmoot_crypto::CryptoError> {
//!     let signature = crypto.generate_signature_key_pair(&mut rng)?;
//!     let credential = Credential::Basic(name.as_bytes().into());
//!     Ok(Member::new(credential, signature))
//! };
//! let (alice, bob) = (member("alice")?, member("bob")?);
//! let (key_package, secrets) = KeyPackage::generate(crypto, bob, lifetime, &mut rng)?;
//!
//! let id = GroupId::new(b"books".to_vec());
//! let (extensions, settings) = (Extensions::default(), Settings::default());
//! let (mut alice, _delta) =
//!     Group::create(crypto, id, (alice, lifetime), extensions, settings.clone(), &Trusting, &mut rng)?;
//! let verified = key_package.clone().verify(crypto, &Trusting, &settings, Some(Timestamp(7)))?;
//! let intent = CommitIntent { add: vec![verified], ..CommitIntent::default() };
//! let (bundle, _delta) = alice.commit(intent, b"", &Trusting, &mut rng)?;
//! let _delta = alice.accept_pending()?;
//!
//! let Some(MlsMessage { body: MessageBody::Welcome(welcome) }) = bundle.welcome else { panic!() };
//! let own = OwnKeyPackage { key_package: &key_package, secrets: &secrets };
//! let (mut bob, _delta) = Group::join(crypto, &welcome, own, JoinOptions::default(), settings, &Trusting)?;
//!
//! let (message, _delta) = bob.seal(b"hello", b"", &mut rng)?;
//! let incoming = alice.receive(message, &Trusting)?;
//! let IncomingContent::Application(hello) = incoming.content() else { panic!() };
//! assert_eq!(hello.data, b"hello");
//! let _delta = alice.apply(incoming)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod check;
mod error;
mod framing;
mod grease;
mod group;
pub mod hazmat;
mod key_package;
mod labels;
mod leaf;
mod parallel;
mod records;
mod schedule;
mod services;
mod tree;
#[cfg(test)]
mod vectors;
mod wire;

pub use check::{Check, Class};
pub use error::{CredentialRejected, DecodeError, Error, Fault, RecordsError, StateError};
pub use folkmoot_crypto::{CipherSuite, SignatureKeyPair};
pub use framing::{
    Content, ContentType, FramedContent, MAX_EXPANSION, MAX_MESSAGE_LENGTH, MessageBody,
    MlsMessage, Padding, PrivateMessage, PublicMessage, Sender, Target, TargetedMessage,
    WireFormat,
};
pub use group::{
    ApplicationMessage, CommitBundle, CommitIntent, CommitSummary, ExternalJoin, Group, Identity,
    Incoming, IncomingContent, JoinOptions, NewMembers, Observed, Observer, OutsideProposal,
    OwnKeyPackage, ProposalIntent, Settings, TargetedContent,
};
pub use key_package::{KeyPackageSecrets, Member, Supported, VerifiedKeyPackage};
pub use labels::{
    decrypt_with_label, derive_secret, derive_tree_secret, encrypt_with_label, expand_with_label,
    reference_hash, safe_encrypt_with_label, safe_verify_with_label, sign_with_label,
    verify_with_label,
};
pub use leaf::{AuthenticationService, ClientId};
pub use records::{Change, Delta, NoRecords, RecordKey, Records};
pub use services::{Components, Holdings, NoComponents, NoHoldings, Services};
pub use tree::{LeafIndex, NodeIndex, ParentNode, RatchetTree};
pub use wire::*;

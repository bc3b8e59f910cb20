//! A client that joins by a Welcome and follows, without sending anything.

use super::clients::{AcceptAll, StoredRecords, holds_private_key};
use super::{Hex, Outcome, run_suites};
use crate::framing::{Content, MessageBody, MlsMessage, Sender};
use crate::group::{Group, OwnKeyPackage, Settings};
use crate::key_package::KeyPackageSecrets;
use crate::labels::{sign_with_label, verify_with_label};
use crate::wire::{KeyPackage, Proposal, ProposalOrRef, Welcome};
use crate::{Check, Error, SignatureKeyPair};
use folkmoot_crypto::Crypto;
use serde::Deserialize;
use serde::de::IgnoredAny;

const PSK: &str = "pre-shared keys";
const EXTERNAL_COMMIT: &str = "external commits";
const REINIT: &str = "reinitialisation";
const GROUP_EXTENSIONS: &str = "group context extensions";

#[derive(Deserialize)]
struct PassiveClient {
    external_psks: Vec<IgnoredAny>,
    key_package: Hex,
    signature_priv: Hex,
    encryption_priv: Hex,
    init_priv: Hex,
    welcome: Hex,
    ratchet_tree: Option<Hex>,
    initial_epoch_authenticator: Hex,
    epochs: Vec<PassiveEpoch>,
}

#[derive(Deserialize)]
struct PassiveEpoch {
    proposals: Vec<Hex>,
    commit: Hex,
    epoch_authenticator: Hex,
}

#[test]
fn passive_client_welcome() {
    run_suites("passive-client-welcome.json", follow);
}

#[test]
fn passive_client_handling_commit() {
    run_suites("passive-client-handling-commit.json", follow);
}

#[test]
fn passive_client_random() {
    run_suites("passive-client-random.json", follow);
}

#[allow(clippy::needless_pass_by_value, reason = "a case is used once")]
fn follow(crypto: &'static dyn Crypto, case: PassiveClient) -> Outcome {
    match case.run(crypto) {
        Ok(()) => Outcome::Ran,
        Err(Missing(feature)) => Outcome::Needs(feature),
    }
}

/// A feature that the engine refused a message for.
struct Missing(&'static str);

impl PassiveClient {
    fn run(&self, crypto: &'static dyn Crypto) -> Result<(), Missing> {
        let (mut group, mut stored) = self.join(crypto)?;
        assert_eq!(
            *group.epoch_authenticator(),
            self.initial_epoch_authenticator
        );
        for epoch in &self.epochs {
            for message in epoch.proposals.iter().chain([&epoch.commit]) {
                take(&mut group, &mut stored, message)?;
            }
            assert_eq!(*group.epoch_authenticator(), epoch.epoch_authenticator);
            // From here on as a client that was started anew.
            group = Group::load(crypto, &stored, settings()).unwrap();
            assert_eq!(*group.epoch_authenticator(), epoch.epoch_authenticator);
        }
        Ok(())
    }

    fn join(&self, crypto: &'static dyn Crypto) -> Result<(Group, StoredRecords), Missing> {
        let (key_package, secrets) = self.own_key_package(crypto);
        let welcome = self.welcome();
        let own = OwnKeyPackage {
            key_package: &key_package,
            secrets: &secrets,
        };
        let tree = self.ratchet_tree.as_deref();
        match Group::join(crypto, &welcome, own, tree, settings(), &AcceptAll) {
            Ok((group, delta)) => Ok((group, StoredRecords::of(delta))),
            Err(Error::Invalid(Check::PskHeld)) => {
                assert!(!self.external_psks.is_empty(), "the case has no PSK");
                Err(Missing(PSK))
            }
            Err(error) => panic!("the welcome: {error}"),
        }
    }

    fn welcome(&self) -> Welcome {
        match MlsMessage::decode(&self.welcome).unwrap().body {
            MessageBody::Welcome(welcome) => welcome,
            other => panic!("{other:?} is no Welcome"),
        }
    }

    /// The client's KeyPackage with its private keys, which belong to the public ones.
    fn own_key_package(&self, crypto: &dyn Crypto) -> (KeyPackage, KeyPackageSecrets) {
        let MessageBody::KeyPackage(key_package) =
            MlsMessage::decode(&self.key_package).unwrap().body
        else {
            panic!("no KeyPackage");
        };
        let leaf = &key_package.content.leaf_node.content;
        let public = leaf.signature_key.as_slice();
        let secrets = KeyPackageSecrets {
            init_private: self.init_priv.secret(),
            leaf_private: self.encryption_priv.secret(),
            signature: SignatureKeyPair {
                private: self.signature_priv.secret(),
                public: public.to_vec(),
            },
        };
        let init = key_package.content.init_key.as_slice();
        assert!(holds_private_key(crypto, init, &secrets.init_private));
        let encryption = leaf.encryption_key.as_slice();
        assert!(holds_private_key(crypto, encryption, &secrets.leaf_private));
        let signature = sign_with_label(crypto, &secrets.signature.private, "test", b"").unwrap();
        assert_eq!(
            verify_with_label(crypto, public, "test", b"", &signature),
            Ok(())
        );
        (key_package, secrets)
    }
}

fn take(group: &mut Group, stored: &mut StoredRecords, bytes: &Hex) -> Result<(), Missing> {
    let message = MlsMessage::decode(bytes).unwrap();
    match group.receive(message.clone(), &AcceptAll) {
        Ok(incoming) => {
            stored.apply(group.apply(incoming).unwrap());
            Ok(())
        }
        Err(Error::Invalid(Check::ProposalTypeSupported | Check::SenderType)) => {
            let feature = needed_feature(&message);
            Err(Missing(
                feature.expect("refused for a feature it does not use"),
            ))
        }
        Err(error) => panic!("{error}"),
    }
}

/// What a message in the clear needs beyond Add, Update and Remove by members.
fn needed_feature(message: &MlsMessage) -> Option<&'static str> {
    let MessageBody::Public(message) = &message.body else {
        return None;
    };
    match &message.content.content {
        _ if message.content.sender == Sender::NewMemberCommit => Some(EXTERNAL_COMMIT),
        Content::Proposal(proposal) => feature_of(proposal),
        Content::Commit(commit) => commit.proposals.iter().find_map(|listed| match listed {
            ProposalOrRef::Proposal(proposal) => feature_of(proposal),
            ProposalOrRef::Reference(_) => None,
        }),
        Content::Application(_) => None,
    }
}

fn feature_of(proposal: &Proposal) -> Option<&'static str> {
    match proposal {
        Proposal::Add(_) | Proposal::Update(_) | Proposal::Remove(_) => None,
        Proposal::PreSharedKey(_) => Some(PSK),
        Proposal::ReInit(_) => Some(REINIT),
        Proposal::ExternalInit(_) => Some(EXTERNAL_COMMIT),
        Proposal::GroupContextExtensions(_) => Some(GROUP_EXTENSIONS),
    }
}

fn settings() -> Settings {
    Settings {
        maximum_lifetime: u64::MAX,
        ..Settings::default()
    }
}

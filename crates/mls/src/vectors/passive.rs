//! A client that joins by a Welcome and follows, without sending anything.

use super::clients::{AcceptAll, StoredRecords, holds_private_key, settings};
use super::{Hex, folder, run_suites};
use crate::framing::{MessageBody, MlsMessage};
use crate::group::{Group, JoinOptions, OwnKeyPackage};
use crate::key_package::KeyPackageSecrets;
use crate::labels::{sign_with_label, verify_with_label};
use crate::wire::{KeyPackage, Welcome};
use crate::{Holdings, Services, SignatureKeyPair};
use folkmoot_crypto::{Crypto, Secret};
use serde::Deserialize;

#[derive(Deserialize)]
struct PassiveClient {
    external_psks: Vec<ExternalPsk>,
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
struct ExternalPsk {
    psk_id: Hex,
    psk: Hex,
}

#[derive(Deserialize)]
struct PassiveEpoch {
    proposals: Vec<Hex>,
    commit: Hex,
    epoch_authenticator: Hex,
}

/// Every file of the folder whose name begins so, those with a test of their own included.
#[test]
fn passive_client() {
    let Some(folder) = folder() else { return };
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_one = |name: &String| {
        name.strip_suffix(".json")
            .is_some_and(|name| name.starts_with("passive-client-"))
    };
    let mut files: Vec<_> = names.filter(is_one).collect();
    files.sort();
    assert!(!files.is_empty(), "no passive-client file");
    for file in files {
        follow(&file);
    }
}

#[test]
fn passive_client_welcome() {
    follow("passive-client-welcome.json");
}

#[test]
fn passive_client_handling_commit() {
    follow("passive-client-handling-commit.json");
}

#[test]
fn passive_client_random() {
    follow("passive-client-random.json");
}

fn follow(file: &str) {
    run_suites(file, |crypto, case: PassiveClient| case.run(crypto));
}

impl Holdings for PassiveClient {
    fn external_psk(&self, id: &[u8]) -> Option<Secret> {
        let mut held = self.external_psks.iter();
        let held = held.find(|held| held.psk_id[..] == *id);
        held.map(|held| held.psk.secret())
    }
}

impl PassiveClient {
    fn run(&self, crypto: &'static dyn Crypto) {
        let (mut group, mut stored) = self.join(crypto);
        assert_eq!(
            *group.epoch_authenticator().unwrap(),
            self.initial_epoch_authenticator
        );
        for epoch in &self.epochs {
            for message in epoch.proposals.iter().chain([&epoch.commit]) {
                let message = MlsMessage::decode(message).unwrap();
                let services = self.services().with_records(&stored);
                let incoming = group.receive(message, services).unwrap();
                stored.apply(group.apply(incoming).unwrap());
            }
            assert_eq!(
                *group.epoch_authenticator().unwrap(),
                epoch.epoch_authenticator
            );
            // From here on as a client that was started anew.
            group = Group::load(crypto, &stored, settings()).unwrap();
            assert_eq!(
                *group.epoch_authenticator().unwrap(),
                epoch.epoch_authenticator
            );
        }
    }

    fn services(&self) -> Services<'_> {
        Services::new(&AcceptAll, self)
    }

    fn join(&self, crypto: &'static dyn Crypto) -> (Group, StoredRecords) {
        let (key_package, secrets) = self.own_key_package(crypto);
        let own = OwnKeyPackage {
            key_package: &key_package,
            secrets: &secrets,
        };
        let options = JoinOptions {
            tree: self.ratchet_tree.as_deref(),
            predecessor: None,
        };
        let welcome = self.welcome();
        let services = self.services();
        let joined = Group::join(crypto, &welcome, own, options, settings(), services);
        let (group, delta) = joined.unwrap();
        (group, StoredRecords::of(delta))
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

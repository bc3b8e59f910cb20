//! Key schedule, secret tree and transcript hashes.

use super::{Hex, run_suites};
use crate::framing::{ContentAuth, FramedContent, WireFormat, sender_data_key};
use crate::schedule::{
    JoinerSecret, RatchetKind, SecretTree, SkipBounds, confirmed_transcript_hash,
    interim_transcript_hash,
};
use crate::tree::LeafIndex;
use crate::wire::{
    Epoch, Extensions, GroupContext, GroupId, PreSharedKeyId, ProtocolVersion, Psk, encode,
};
use crate::{Content, Error, schedule};
use folkmoot_crypto::Crypto;
use serde::Deserialize;
use tls_codec::DeserializeBytes;

/// Wide enough for the generations in the file.
const BOUNDS: SkipBounds = SkipBounds {
    skip: 1000,
    kept: 1000,
};

#[derive(Deserialize)]
struct KeySchedule {
    group_id: Hex,
    initial_init_secret: Hex,
    epochs: Vec<KeyScheduleEpoch>,
}

#[derive(Deserialize)]
struct KeyScheduleEpoch {
    tree_hash: Hex,
    commit_secret: Hex,
    psk_secret: Hex,
    confirmed_transcript_hash: Hex,
    group_context: Hex,
    joiner_secret: Hex,
    welcome_secret: Hex,
    init_secret: Hex,
    sender_data_secret: Hex,
    encryption_secret: Hex,
    exporter_secret: Hex,
    epoch_authenticator: Hex,
    external_secret: Hex,
    confirmation_key: Hex,
    membership_key: Hex,
    resumption_psk: Hex,
    external_pub: Hex,
    exporter: Exporter,
}

#[derive(Deserialize)]
struct Exporter {
    label: String,
    context: Hex,
    length: u16,
    secret: Hex,
}

#[test]
fn key_schedule() {
    run_suites("key-schedule.json", |crypto, case: KeySchedule| {
        let mut init_secret = &case.initial_init_secret;
        for (number, epoch) in (0..).map(Epoch).zip(&case.epochs) {
            let context = GroupContext {
                version: ProtocolVersion::MLS_10,
                cipher_suite: crypto.suite(),
                group_id: GroupId::new(&case.group_id[..]),
                epoch: number,
                tree_hash: epoch.tree_hash.vl_bytes(),
                confirmed_transcript_hash: epoch.confirmed_transcript_hash.vl_bytes(),
                extensions: Extensions::default(),
            };
            assert_eq!(encode(&context), epoch.group_context);
            epoch.check(crypto, init_secret, &context);
            init_secret = &epoch.init_secret;
        }
    });
}

impl KeyScheduleEpoch {
    fn check(&self, crypto: &dyn Crypto, init_secret: &Hex, context: &GroupContext) {
        let (init, commit) = (init_secret.secret(), self.commit_secret.secret());
        let joiner = JoinerSecret::derive(crypto, &init, &commit, context);
        assert_eq!(joiner.0, self.joiner_secret);
        let psk = self.psk_secret.secret();
        assert_eq!(joiner.welcome_secret(crypto, &psk), self.welcome_secret);
        let secrets = joiner.epoch_secrets(crypto, &psk, context);
        assert_eq!(secrets.init_secret, self.init_secret);
        assert_eq!(secrets.sender_data_secret, self.sender_data_secret);
        assert_eq!(secrets.encryption_secret, self.encryption_secret);
        assert_eq!(secrets.exporter_secret, self.exporter_secret);
        assert_eq!(secrets.epoch_authenticator, self.epoch_authenticator);
        assert_eq!(secrets.external_secret, self.external_secret);
        assert_eq!(secrets.confirmation_key, self.confirmation_key);
        assert_eq!(secrets.membership_key, self.membership_key);
        assert_eq!(secrets.resumption_psk, self.resumption_psk);
        let external = crypto.derive_kem_key_pair(&secrets.external_secret);
        assert_eq!(external.unwrap().public, self.external_pub);
        let Exporter {
            label,
            context,
            length,
            secret,
        } = &self.exporter;
        let exported = secrets.export(crypto, label, context, *length);
        assert_eq!(exported.unwrap(), *secret);
    }
}

#[derive(Deserialize)]
struct SecretTreeCase {
    sender_data: SenderDataKeys,
    encryption_secret: Hex,
    leaves: Vec<Vec<GenerationKeys>>,
}

#[derive(Deserialize)]
struct SenderDataKeys {
    sender_data_secret: Hex,
    ciphertext: Hex,
    key: Hex,
    nonce: Hex,
}

#[derive(Deserialize)]
struct GenerationKeys {
    generation: u32,
    handshake_key: Hex,
    handshake_nonce: Hex,
    application_key: Hex,
    application_nonce: Hex,
}

#[test]
fn secret_tree() {
    run_suites("secret-tree.json", |crypto, case: SecretTreeCase| {
        let given = &case.sender_data;
        let secret = given.sender_data_secret.secret();
        let (key, nonce) = sender_data_key(crypto, &secret, &given.ciphertext);
        assert_eq!(key, given.key);
        assert_eq!(nonce, given.nonce);
        let height = u8::try_from(case.leaves.len().next_power_of_two().ilog2()).unwrap();
        let mut tree = SecretTree::new(case.encryption_secret.secret(), height);
        for (leaf, generations) in (0..).map(LeafIndex).zip(&case.leaves) {
            for keys in generations {
                keys.check(crypto, &mut tree, leaf);
            }
        }
    });
}

impl GenerationKeys {
    fn check(&self, crypto: &dyn Crypto, tree: &mut SecretTree, leaf: LeafIndex) {
        let expected = [
            (
                RatchetKind::Handshake,
                &self.handshake_key,
                &self.handshake_nonce,
            ),
            (
                RatchetKind::Application,
                &self.application_key,
                &self.application_nonce,
            ),
        ];
        for (kind, key, nonce) in expected {
            let find =
                |tree: &SecretTree| tree.key_for(crypto, (leaf, kind), self.generation, BOUNDS);
            let (found, step) = find(tree).unwrap();
            assert_eq!(found.key, *key);
            assert_eq!(found.nonce, *nonce);
            tree.apply(step);
            let again = find(tree).map(|(keys, _)| keys);
            assert!(
                matches!(again, Err(Error::KeyConsumed { generation }) if generation == self.generation)
            );
        }
    }
}

#[derive(Deserialize)]
struct TranscriptHashes {
    confirmation_key: Hex,
    authenticated_content: Hex,
    interim_transcript_hash_before: Hex,
    confirmed_transcript_hash_after: Hex,
    interim_transcript_hash_after: Hex,
}

#[test]
fn transcript_hashes() {
    run_suites(
        "transcript-hashes.json",
        |crypto, case: TranscriptHashes| {
            let bytes = &case.authenticated_content;
            let (wire_format, rest) = WireFormat::tls_deserialize_bytes(bytes).unwrap();
            let (content, rest) = FramedContent::tls_deserialize_bytes(rest).unwrap();
            assert!(matches!(content.content, Content::Commit(_)));
            let (auth, rest) =
                ContentAuth::decode_for(content.content.content_type(), rest).unwrap();
            assert!(rest.is_empty());
            let confirmed = confirmed_transcript_hash(
                crypto,
                &case.interim_transcript_hash_before,
                wire_format,
                &content,
                auth.signature.as_slice(),
            );
            assert_eq!(confirmed, case.confirmed_transcript_hash_after);
            let tag = auth.confirmation_tag.expect("a commit has a tag");
            let expected = crypto.mac(&case.confirmation_key, &confirmed);
            assert_eq!(tag.as_slice(), expected);
            let interim = interim_transcript_hash(crypto, &confirmed, tag.as_slice());
            assert_eq!(interim, case.interim_transcript_hash_after);
        },
    );
}

#[derive(Deserialize)]
struct PskSecret {
    psks: Vec<ExternalPsk>,
    psk_secret: Hex,
}

#[derive(Deserialize)]
struct ExternalPsk {
    psk_id: Hex,
    psk: Hex,
    psk_nonce: Hex,
}

#[test]
fn psk_secret() {
    run_suites("psk_secret.json", |crypto, case: PskSecret| {
        let psks = case.psks.iter().map(|psk| {
            let id = PreSharedKeyId {
                psk: Psk::External(psk.psk_id.to_vec().into()),
                psk_nonce: psk.psk_nonce.to_vec().into(),
            };
            (id, psk.psk.secret())
        });
        let secret = schedule::psk_secret(crypto, &psks.collect());
        assert_eq!(secret, case.psk_secret);
    });
}

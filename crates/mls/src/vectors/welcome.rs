//! A Welcome, opened step by step.

use super::{Hex, run_suites};
use crate::framing::{MessageBody, MlsMessage};
use crate::labels::{decrypt_with_label, reference_hash, verify_with_label};
use crate::schedule::{JoinerSecret, welcome_key_and_nonce};
use crate::wire::{GroupInfo, GroupSecrets, decode, encode};
use folkmoot_crypto::Secret;
use serde::Deserialize;

#[derive(Deserialize)]
struct WelcomeCase {
    init_priv: Hex,
    signer_pub: Hex,
    key_package: Hex,
    welcome: Hex,
}

#[test]
fn welcome() {
    run_suites("welcome.json", |crypto, case: WelcomeCase| {
        let MessageBody::KeyPackage(package) = MlsMessage::decode(&case.key_package).unwrap().body
        else {
            panic!("no KeyPackage");
        };
        let MessageBody::Welcome(welcome) = MlsMessage::decode(&case.welcome).unwrap().body else {
            panic!("no Welcome");
        };
        let reference = reference_hash(crypto, "MLS 1.0 KeyPackage Reference", &encode(&package));
        let mut for_us = welcome
            .secrets
            .iter()
            .filter(|s| s.new_member.0.as_slice() == reference);
        let sealed = &for_us
            .next()
            .expect("an entry for the KeyPackage")
            .encrypted_group_secrets;
        let group_info = welcome.encrypted_group_info.as_slice();
        let init = case.init_priv.secret();
        let opened = decrypt_with_label(crypto, &init, "Welcome", group_info, sealed).unwrap();
        let secrets: GroupSecrets = decode(opened.expose()).unwrap();
        assert_eq!(secrets.psks, []);
        let joiner = JoinerSecret(secrets.joiner_secret);
        let no_psk = Secret::zero(crypto.hash_length());
        let welcome_secret = joiner.welcome_secret(crypto, &no_psk);
        let (key, nonce) = welcome_key_and_nonce(crypto, &welcome_secret);
        let opened = crypto
            .aead_open(&key, nonce.expose(), b"", group_info)
            .unwrap();
        let info: GroupInfo = decode(&opened).unwrap();
        let (signed, signature) = (encode(&info.content), info.signature.as_slice());
        let verified =
            verify_with_label(crypto, &case.signer_pub, "GroupInfoTBS", &signed, signature);
        assert_eq!(verified, Ok(()));
        let context = &info.content.group_context;
        let epoch = joiner.epoch_secrets(crypto, &no_psk, context);
        let tag = epoch.confirmation_tag(crypto, context.confirmed_transcript_hash.as_slice());
        assert_eq!(info.content.confirmation_tag.as_slice(), tag);
    });
}

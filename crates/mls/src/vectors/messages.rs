//! The syntax of every structure.

use super::{Hex, run};
use crate::framing::{Content, MessageBody, MlsMessage};
use crate::records::NoRecords;
use crate::tree::{LeafIndex, Node, RatchetTree};
use crate::wire::{
    Commit, Extensions, GroupSecrets, KeyPackage, LeafNode, PreSharedKeyId, ReInit, decode, encode,
};
use core::any::type_name;
use serde::Deserialize;
use tls_codec::{DeserializeBytes, Serialize, VLBytes};

#[derive(Deserialize)]
struct Messages {
    mls_welcome: Hex,
    mls_group_info: Hex,
    mls_key_package: Hex,
    ratchet_tree: Hex,
    group_secrets: Hex,
    add_proposal: Hex,
    update_proposal: Hex,
    remove_proposal: Hex,
    pre_shared_key_proposal: Hex,
    re_init_proposal: Hex,
    external_init_proposal: Hex,
    group_context_extensions_proposal: Hex,
    commit: Hex,
    public_message_application: Hex,
    public_message_proposal: Hex,
    public_message_commit: Hex,
    private_message: Hex,
}

#[test]
fn messages() {
    run("messages.json", |case: Messages| {
        let welcome = message(&case.mls_welcome);
        assert!(matches!(welcome, MessageBody::Welcome(_)));
        let group_info = message(&case.mls_group_info);
        assert!(matches!(group_info, MessageBody::GroupInfo(_)));
        let key_package = message(&case.mls_key_package);
        assert!(matches!(key_package, MessageBody::KeyPackage(_)));
        round_trip::<Vec<Option<Node>>>(&case.ratchet_tree);
        let tree = RatchetTree::from_extension(&case.ratchet_tree).unwrap();
        assert_eq!(tree.to_extension(&NoRecords).unwrap(), case.ratchet_tree);
        round_trip::<GroupSecrets>(&case.group_secrets);
        case.check_proposals();
        case.check_framed();
    });
}

impl Messages {
    fn check_proposals(&self) {
        round_trip::<KeyPackage>(&self.add_proposal);
        round_trip::<LeafNode>(&self.update_proposal);
        round_trip::<LeafIndex>(&self.remove_proposal);
        round_trip::<PreSharedKeyId>(&self.pre_shared_key_proposal);
        round_trip::<ReInit>(&self.re_init_proposal);
        round_trip::<VLBytes>(&self.external_init_proposal);
        round_trip::<Extensions>(&self.group_context_extensions_proposal);
        round_trip::<Commit>(&self.commit);
    }

    fn check_framed(&self) {
        let application = public_content(&self.public_message_application);
        assert!(matches!(application, Content::Application(_)));
        let proposal = public_content(&self.public_message_proposal);
        assert!(matches!(proposal, Content::Proposal(_)));
        let commit = public_content(&self.public_message_commit);
        assert!(matches!(commit, Content::Commit(_)));
        let private = message(&self.private_message);
        assert!(matches!(private, MessageBody::Private(_)));
    }
}

fn public_content(bytes: &Hex) -> Content {
    match message(bytes) {
        MessageBody::Public(message) => message.content.content,
        other => panic!("{other:?} is no PublicMessage"),
    }
}

fn message(bytes: &Hex) -> MessageBody {
    round_trip::<MlsMessage>(bytes).body
}

/// Decodes these bytes, neither fewer nor more, and encodes the same ones.
fn round_trip<T: DeserializeBytes + Serialize>(bytes: &Hex) -> T {
    let value = decode::<T>(bytes).unwrap_or_else(|error| panic!("{}: {error}", type_name::<T>()));
    assert_eq!(encode(&value), *bytes, "{}", type_name::<T>());
    let truncated = &bytes[..bytes.len() - 1];
    assert!(decode::<T>(truncated).is_err(), "a byte too few");
    let extended = [bytes, &[0][..]].concat();
    assert!(decode::<T>(&extended).is_err(), "a byte too many");
    value
}

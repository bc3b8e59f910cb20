//! Every structure of RFC 9420 that travels: whatever decodes is encoded to the bytes that it was.

use crate::input::Input;
use folkmoot_crypto::{CipherSuite, HpkeCiphertext};
use folkmoot_mls::hazmat::{from_bytes, to_bytes, tree_from_extension};
use folkmoot_mls::{
    AppAck, AppDataUpdate, AppEphemeral, ApplicationFraming, ByComponent, Capabilities, Commit,
    ComponentsList, Content, ContentType, Credential, EncryptedGroupSecrets, Extensions,
    ExternalSender, FramedContent, GroupContext, GroupInfo, GroupInfoContent, GroupSecrets,
    HpkeCiphertexts, KeyPackage, KeyPackageContent, LeafIndex, LeafNode, LeafNodeContent,
    LeafNodeSource, MediaTypes, MlsMessage, NoRecords, NodeIndex, ParentNode, PathSecret,
    PreSharedKeyId, PrivateMessage, Proposal, ProposalOrRef, Psk, ReInit, RequiredCapabilities,
    Sender, Target, TargetedMessage, UpdatePath, UpdatePathNode, Welcome, WelcomeShared,
    WireFormat,
};
use tls_codec::{DeserializeBytes, Serialize};

/// The decoders, in an order that the corpus depends on: what is new comes last.
const DECODERS: &[fn(&[u8]) -> bool] = &[
    message,
    exactly::<KeyPackage>,
    exactly::<KeyPackageContent>,
    exactly::<LeafNode>,
    exactly::<LeafNodeContent>,
    exactly::<LeafNodeSource>,
    exactly::<Capabilities>,
    exactly::<Credential>,
    exactly::<Extensions>,
    exactly::<RequiredCapabilities>,
    exactly::<Vec<ExternalSender>>,
    exactly::<Proposal>,
    exactly::<ProposalOrRef>,
    exactly::<ReInit>,
    exactly::<PreSharedKeyId>,
    exactly::<Psk>,
    exactly::<Commit>,
    exactly::<UpdatePath>,
    exactly::<UpdatePathNode>,
    exactly::<HpkeCiphertexts>,
    exactly::<HpkeCiphertext>,
    exactly::<Welcome>,
    exactly::<WelcomeShared>,
    exactly::<EncryptedGroupSecrets>,
    exactly::<GroupSecrets>,
    exactly::<PathSecret>,
    exactly::<GroupInfo>,
    exactly::<GroupInfoContent>,
    exactly::<GroupContext>,
    exactly::<FramedContent>,
    exactly::<Content>,
    exactly::<Sender>,
    exactly::<PrivateMessage>,
    exactly::<ParentNode>,
    exactly::<WireFormat>,
    exactly::<ContentType>,
    exactly::<CipherSuite>,
    tree,
    extensions,
    exactly::<TargetedMessage>,
    exactly::<Target>,
    exactly::<ByComponent>,
    exactly::<ComponentsList>,
    exactly::<AppDataUpdate>,
    exactly::<AppEphemeral>,
    exactly::<AppAck>,
    exactly::<MediaTypes>,
    exactly::<ApplicationFraming>,
    checked,
];

/// The first byte says what the others are read as.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let decode = DECODERS[input.below(DECODERS.len())];
    decode(input.rest());
}

/// The inputs by which these bytes are read as something.
pub(crate) fn readings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let readers = (0..).zip(DECODERS).filter(|(_, decode)| decode(bytes));
    readers
        .map(|(which, _)| [&[which], bytes].concat())
        .collect()
}

fn exactly<T: Serialize + DeserializeBytes>(bytes: &[u8]) -> bool {
    let Ok(value) = from_bytes::<T>(bytes) else {
        return false;
    };
    assert_eq!(to_bytes(&value), bytes, "two encodings of one value");
    assert_eq!(value.tls_serialized_len(), bytes.len());
    true
}

fn message(bytes: &[u8]) -> bool {
    let Ok(message) = MlsMessage::decode(bytes) else {
        return false;
    };
    assert_eq!(message.encode(), bytes, "two encodings of one message");
    let _ = (message.group_id(), message.epoch(), message.content_type());
    true
}

/// A ratchet tree: what a joiner makes of a node list, with all that is asked of it before it is believed.
fn tree(bytes: &[u8]) -> bool {
    let Ok(tree) = tree_from_extension(bytes) else {
        return false;
    };
    let encoded = tree.to_extension(&NoRecords);
    assert_eq!(
        encoded.ok().as_deref(),
        Some(bytes),
        "two lists of one tree"
    );
    let crypto = folkmoot_sim::crypto();
    assert_eq!(tree.tree_hash(crypto).len(), crypto.hash_length());
    for index in 0..64 {
        let node = NodeIndex(index);
        let _ = folkmoot_mls::hazmat::resolution(&tree, node);
        let _ = folkmoot_mls::hazmat::filtered_direct_path(&tree, LeafIndex(index));
        let _ = tree.parent_node(node, &NoRecords);
    }
    true
}

/// What is checked beyond its form.
fn checked(bytes: &[u8]) -> bool {
    let ack = AppAck::decode(bytes).map(|ack| ack.encode());
    let types = MediaTypes::decode(bytes).map(|types| types.encode());
    let framed = ApplicationFraming::decode(bytes).map(|framed| framed.encode());
    let mut read = [ack, types, framed].into_iter().flatten().peekable();
    read.peek().is_some() && read.all(|encoded| encoded == bytes)
}

/// What the extensions of RFC 9420 hold.
fn extensions(bytes: &[u8]) -> bool {
    let Ok(extensions) = from_bytes::<Extensions>(bytes) else {
        return false;
    };
    let _ = extensions.required_capabilities();
    let _ = extensions.external_senders();
    let _ = extensions.application_id();
    let _ = extensions.external_pub();
    let _ = extensions.app_data();
    true
}

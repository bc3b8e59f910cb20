//! Inputs to begin with: sound messages of each kind, and scripts by chance.

use crate::{decode, outsider, protocol, welcome};
use folkmoot_mls::hazmat::to_bytes;
use folkmoot_mls::{
    Content, ExtensionType, GroupInfo, KeyPackage, LeafNode, MessageBody, MlsMessage, Proposal,
    ProposalOrRef, UpdatePath, Welcome,
};
use folkmoot_sim::rng;
use rand_chacha::rand_core::Rng;

/// Scripts by chance.
const SCRIPTS: u64 = 48;

pub(crate) fn scripts() -> Vec<Vec<u8>> {
    let script = |seed| {
        let mut rng = rng(seed);
        let length = 16 + rng.next_u32() % 240;
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    (0..SCRIPTS).map(script).collect()
}

/// Whatever stands in real messages, under each type that it is read as.
pub(crate) fn decode() -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let messages = outsider::sent().cloned().chain(welcome::sent());
    for message in messages {
        if let Ok(message) = MlsMessage::decode(&message) {
            add_parts(&message, &mut parts);
        }
        parts.push(message);
    }
    parts.sort();
    parts.dedup();
    parts
        .iter()
        .flat_map(|part| decode::readings(part))
        .collect()
}

fn add_parts(message: &MlsMessage, parts: &mut Vec<Vec<u8>>) {
    match &message.body {
        MessageBody::Public(message) => {
            parts.push(to_bytes(&message.content));
            parts.push(to_bytes(&message.content.content));
            parts.push(to_bytes(&message.content.sender));
            add_content(&message.content.content, parts);
        }
        MessageBody::Private(message) => parts.push(to_bytes(message)),
        MessageBody::Welcome(welcome) => add_welcome(welcome, parts),
        MessageBody::GroupInfo(info) => add_info(info, parts),
        MessageBody::KeyPackage(package) => add_package(package, parts),
        MessageBody::Targeted(message) => {
            parts.push(to_bytes(message));
            parts.push(to_bytes(&message.to));
        }
    }
}

fn add_content(content: &Content, parts: &mut Vec<Vec<u8>>) {
    match content {
        Content::Application(_) => {}
        Content::Proposal(proposal) => add_proposal(proposal, parts),
        Content::Commit(commit) => {
            parts.push(to_bytes(&**commit));
            for entry in &commit.proposals {
                parts.push(to_bytes(entry));
                if let ProposalOrRef::Proposal(proposal) = entry {
                    add_proposal(proposal, parts);
                }
            }
            commit.path.iter().for_each(|path| add_path(path, parts));
        }
    }
}

fn add_proposal(proposal: &Proposal, parts: &mut Vec<Vec<u8>>) {
    parts.push(to_bytes(proposal));
    match proposal {
        Proposal::Add(package) => add_package(package, parts),
        Proposal::Update(leaf) => add_leaf(leaf, parts),
        Proposal::AppDataUpdate(update) => parts.push(to_bytes(update)),
        Proposal::AppEphemeral(said) => parts.push(to_bytes(said)),
        _ => {}
    }
}

fn add_path(path: &UpdatePath, parts: &mut Vec<Vec<u8>>) {
    parts.push(to_bytes(path));
    add_leaf(&path.leaf_node, parts);
    for node in &path.nodes {
        parts.push(to_bytes(node));
        parts.push(to_bytes(&node.encrypted_path_secret));
    }
}

fn add_package(package: &KeyPackage, parts: &mut Vec<Vec<u8>>) {
    parts.push(to_bytes(package));
    parts.push(to_bytes(&package.content));
    parts.push(to_bytes(&package.content.extensions));
    add_leaf(&package.content.leaf_node, parts);
}

fn add_leaf(leaf: &LeafNode, parts: &mut Vec<Vec<u8>>) {
    let content = &leaf.content;
    parts.push(to_bytes(leaf));
    parts.push(to_bytes(content));
    parts.push(to_bytes(&content.credential));
    parts.push(to_bytes(&content.capabilities));
    parts.push(to_bytes(&content.source));
    let components = content.extensions.find(ExtensionType::APP_DATA_DICTIONARY);
    parts.extend(components.map(<[u8]>::to_vec));
}

fn add_info(info: &GroupInfo, parts: &mut Vec<Vec<u8>>) {
    let content = &info.content;
    let context = &content.group_context;
    parts.extend([to_bytes(info), to_bytes(content), to_bytes(context)]);
    parts.push(to_bytes(&content.extensions));
    parts.push(to_bytes(&context.extensions));
    let types = [ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB];
    let found = types.map(|wanted| content.extensions.find(wanted));
    parts.extend(found.into_iter().flatten().map(<[u8]>::to_vec));
    let senders = context.extensions.find(ExtensionType::EXTERNAL_SENDERS);
    parts.extend(senders.map(<[u8]>::to_vec));
}

fn add_welcome(welcome: &Welcome, parts: &mut Vec<Vec<u8>>) {
    parts.push(to_bytes(welcome));
    let (shared, secrets) = welcome.clone().split();
    parts.push(to_bytes(&shared));
    parts.extend(secrets.iter().map(to_bytes));
}

/// Messages as they are in JSON, and names.
pub(crate) fn protocol() -> Vec<Vec<u8>> {
    let bytes = |length: usize| "A".repeat((length * 4).div_ceil(3));
    let (b16, b32, b64) = (bytes(16), bytes(32), bytes(64));
    let append = format!(
        r#"{{"idempotency":"{b16}","epoch":7,"kind":"commit","message":"AAEC","welcome":"AAEC","opens":[{{"slot":"{b16}","ticket_digest":"{b32}","part":"AAEC"}}],"closes":["{b16}"]}}"#
    );
    let entry = format!(
        r#"{{"sequence":1,"epoch":7,"kind":"application","message":"AAEC","idempotency":"{b16}","time":1750000000,"head":"{b32}"}}"#
    );
    let request = |action: &str| {
        format!(
            r#"{{"group":"{b32}","slot":"{b16}","time":1750000000,"action":{action},"signature":"{b64}"}}"#
        )
    };
    let append_action = format!(r#"{{"type":"append",{}"#, &append[1..]);
    let pointer = bytes(32 + 256 + 16);
    let mut texts = vec![
        r#"{"through":7}"#.to_owned(),
        r#"{"available":20}"#.to_owned(),
        r#"{"challenge":"AAEC"}"#.to_owned(),
        r#"{"certificate":"AAEC"}"#.to_owned(),
        r#"{"cursor":3}"#.to_owned(),
        r#"{"items":[]}"#.to_owned(),
        r#"{"packages":["AAEC"]}"#.to_owned(),
        r#"{"packages":[{"device":"mimi://example.org/d/alice/phone","package":"AAEC"}]}"#.to_owned(),
        r#"{"user":"mimi://example.org/u/alice"}"#.to_owned(),
        r#"{"from":3}"#.to_owned(),
        r#"{"token":"abc","expires":1750000000}"#.to_owned(),
        r#"{"device":"mimi://example.org/d/alice/phone","request":"AAEC","invite":"abc"}"#.to_owned(),
        r#"{"type":"inbox","token":"abc","after":0}"#.to_owned(),
        r#"{"type":"read","after":3,"limit":7}"#.to_owned(),
        r#"{"type":"urn:folkmoot:problem:stale-epoch","status":409,"code":"stale-epoch","detail":"late","current":9}"#.to_owned(),
        format!(r#"{{"domain":"example.org","root":"AAEC","issuing":["AAEC"],"receipt_key":"{b32}","registration":"open"}}"#),
        format!(r#"{{"certificate":"AAEC","challenge":"AAEC","signature":"{b64}"}}"#),
        format!(r#"{{"group":"{b32}","slot":"{b16}","slot_key":"{b32}"}}"#),
        format!(r#"{{"group":"{b32}","sequence":1,"head":"{b32}","signature":"{b64}"}}"#),
        format!(r#"{{"group":"{b32}","slot":"{b16}","ticket":"{b32}","slot_key":"{b32}","time":1750000000,"signature":"{b64}"}}"#),
        format!(r#"{{"to":"mimi://example.org/d/alice/phone","idempotency":"{b16}","key_package_ref":"{b32}","pointer":"{pointer}"}}"#),
        format!(r#"{{"entries":[{entry}]}}"#),
        format!(r#"{{"type":"entry","group":"{b32}","slot":"{b16}","entry":{entry}}}"#),
        format!(r#"{{"status":409,"code":"epoch-taken","detail":"second","winner":{entry}}}"#),
        format!(r#"{{"shared":"{}","part":"{}"}}"#, bytes(64), bytes(272)),
        request(r#"{"type":"follow","after":3}"#),
        request(&append_action),
        "example.org".to_owned(),
        "mimi://example.org/u/alice".to_owned(),
        "mimi://example.org/d/alice/phone".to_owned(),
        format!("folkmoot://127.0.0.1:8443/?domain=example.org&pin={b32}&invite=abc"),
        append,
        entry,
    ];
    let mut pointer = vec![0; 256];
    pointer[0] = 1;
    texts.dedup();
    let texts = texts.into_iter().map(String::into_bytes);
    let readings = texts.chain([pointer]);
    readings
        .flat_map(|bytes| protocol::readings(&bytes))
        .collect()
}

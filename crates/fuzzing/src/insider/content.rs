//! Proposals, KeyPackages, leaves and extensions: sound ones, and such as the script makes of them.

use crate::input::Input;
use crate::world::{SUPPORTED, World, strangers};
use folkmoot_crypto::Secret;
use folkmoot_mls::hazmat::{self, Knowledge};
use folkmoot_mls::{
    AppAck, AppDataOperation, AppDataUpdate, AppEphemeral, ByComponent, CipherSuite, ComponentId,
    ComponentsList, Credential, CredentialType, Epoch, ExtensionType, Extensions, ExternalSender,
    GroupId, Holdings, KeyPackage, LeafIndex, LeafNode, LeafNodeContent, LeafNodeSource, Lifetime,
    MessageRange, NoRecords, PreSharedKeyId, Proposal, ProposalType, ProtocolVersion, Psk, ReInit,
    RequiredCapabilities, ResumptionPskUsage, Timestamp,
};
use folkmoot_sim::{Names, SHARED, WORDS, crypto};
use tls_codec::VLBytes;

/// Any proposal.
pub(crate) fn proposal(world: &World, input: &mut Input<'_>) -> Proposal {
    let proposal = match input.below(16) {
        0 | 1 => Proposal::Add(Box::new(key_package(world, input))),
        2 | 3 => Proposal::Update(Box::new(update(world, input))),
        4 | 5 => Proposal::Remove(LeafIndex(input.below(10).try_into().unwrap())),
        6 | 7 => Proposal::PreSharedKey(psk_id(world, input)),
        8 if input.once_in(4) => Proposal::ReInit(reinit(world, input)),
        9 => Proposal::ExternalInit(input.bytes().into()),
        10 => Proposal::GroupContextExtensions(extensions(world, input)),
        11 | 12 => Proposal::AppDataUpdate(app_data(input)),
        13 => Proposal::AppEphemeral(ephemeral(input)),
        14 => Proposal::SelfRemove,
        _ => hazmat::from_bytes(input.bytes()).unwrap_or(Proposal::Remove(LeafIndex(1))),
    };
    if input.once_in(8) {
        input.edited(proposal)
    } else {
        proposal
    }
}

fn component(input: &mut Input<'_>) -> ComponentId {
    match input.below(10) {
        standard @ 1..=5 => ComponentId(standard.try_into().unwrap()),
        6 => ComponentId(input.short()),
        _ => WORDS,
    }
}

/// What becomes of a component's data.
pub(crate) fn app_data(input: &mut Input<'_>) -> AppDataUpdate {
    AppDataUpdate {
        component: component(input),
        operation: match input.below(4) {
            0 => AppDataOperation::Remove,
            1 => AppDataOperation::Update(ComponentsList(vec![WORDS]).encode().into()),
            _ => AppDataOperation::Update(input.bytes().into()),
        },
    }
}

/// What a component says.
pub(crate) fn ephemeral(input: &mut Input<'_>) -> AppEphemeral {
    let component = component(input);
    let data = if component == ComponentId::APP_ACK {
        let range = MessageRange {
            sender: input.byte().into(),
            first: input.byte().into(),
            last: input.byte().into(),
        };
        let received = vec![range];
        AppAck { received }.encode()
    } else {
        input.bytes().to_vec()
    };
    AppEphemeral {
        component,
        data: data.into(),
    }
}

/// What a group keeps for its components.
fn dictionary(input: &mut Input<'_>) -> ByComponent {
    let mut kept = ByComponent::default();
    for _ in 0..input.below(4) {
        let list = ComponentsList(vec![component(input)]).encode();
        kept = match input.below(4) {
            0 => kept.with(WORDS, input.bytes()),
            1 => kept.with(ComponentId::SAFE_AAD, list),
            2 => kept.with(ComponentId::APP_COMPONENTS, list),
            _ => kept.with(component(input), input.bytes()),
        };
    }
    kept
}

/// A stranger's KeyPackage, changed and signed again.
pub(crate) fn key_package(world: &World, input: &mut Input<'_>) -> KeyPackage {
    let Some(stranger) = input.pick(strangers()) else {
        unreachable!("there are strangers")
    };
    let package = stranger.key_package;
    let mut content = package.content.clone();
    let leaf = &mut content.leaf_node.content;
    match input.below(8) {
        0..=3 => return package,
        4 => change_leaf(world, leaf, input),
        5 => content.init_key = key(world, input),
        6 => content = input.edited(content),
        _ => {
            let mut bytes = hazmat::to_bytes(&package);
            input.edit_once(&mut bytes);
            return hazmat::from_bytes(&bytes).unwrap_or(package);
        }
    }
    let private = private_key(world, &content.leaf_node.content);
    folkmoot_sim::key_package(crypto(), content, &private)
}

/// A leaf for an Update of one of the fuzzer's members.
fn update(world: &World, input: &mut Input<'_>) -> LeafNode {
    let known = world.known();
    let own = input.pick(&world.controlled());
    let at = own.map_or(LeafIndex(0), |(at, _)| at);
    let before = known.tree.leaf(at, &NoRecords).unwrap();
    let stranger = &strangers()[0].key_package.content.leaf_node;
    let mut content = before.map_or(stranger, |leaf| leaf).content.clone();
    content.source = LeafNodeSource::Update;
    content.encryption_key = key(world, input);
    if input.once_in(2) {
        change_leaf(world, &mut content, input);
    }
    let private = private_key(world, &content);
    let place = if input.once_in(16) {
        LeafIndex(input.byte().into())
    } else {
        at
    };
    let place = Some((&known.context.group_id, place));
    folkmoot_sim::leaf(crypto(), content, &private, place)
}

/// The key that signs for a leaf, or another where nobody here has it.
pub(super) fn private_key(world: &World, leaf: &LeafNodeContent) -> Secret {
    let named = leaf.signature_key.as_slice();
    let mut keys = world.keys.iter();
    let found = keys.find(|keys| keys.public == named);
    found.unwrap_or(&world.keys[0]).private.clone()
}

/// A fresh encryption key, one that stands somewhere already, or none.
fn key(world: &World, input: &mut Input<'_>) -> VLBytes {
    match input.below(8) {
        1 => {
            let at = LeafIndex(input.below(8).try_into().unwrap());
            let leaf = world.known().tree.leaf(at, &NoRecords).unwrap();
            leaf.map_or(VLBytes::new(Vec::new()), |leaf| {
                leaf.content.encryption_key.clone()
            })
        }
        2 => input.bytes().into(),
        _ => {
            let ikm = Secret::from([&input.short().to_be_bytes()[..], &[9; 30]].concat());
            crypto().derive_kem_key_pair(&ikm).unwrap().public.into()
        }
    }
}

/// Some changes of a leaf.
pub(super) fn change_leaf(world: &World, leaf: &mut LeafNodeContent, input: &mut Input<'_>) {
    for _ in 0..=input.below(3) {
        match input.below(12) {
            0 => leaf.encryption_key = key(world, input),
            1 => {
                if let Some(keys) = input.pick(&world.keys) {
                    leaf.signature_key = keys.public.into();
                }
            }
            2 => {
                let at = LeafIndex(input.below(8).try_into().unwrap());
                if let Some(other) = world.known().tree.leaf(at, &NoRecords).unwrap() {
                    leaf.signature_key = other.content.signature_key.clone();
                }
            }
            3 => leaf.credential = credential(input),
            4 => leaf
                .capabilities
                .credentials
                .push(CredentialType(input.short())),
            5 => leaf.capabilities.extensions.push(extension_type(input)),
            6 => leaf
                .capabilities
                .proposals
                .push(ProposalType(input.short())),
            7 => leaf.capabilities = input.edited(leaf.capabilities.clone()),
            8 => leaf.source = source(input),
            9 => {
                let extensions = core::mem::take(&mut leaf.extensions);
                leaf.extensions = extensions.with(extension_type(input), input.bytes());
            }
            10 => leaf
                .capabilities
                .cipher_suites
                .push(CipherSuite(input.short())),
            _ => *leaf = input.edited(leaf.clone()),
        }
    }
}

fn credential(input: &mut Input<'_>) -> Credential {
    let names: [&[u8]; 7] = [
        b"mallory",
        b"old mallory",
        b"alice",
        b"mallet",
        b"",
        b"mallow",
        b"new",
    ];
    match input.below(10) {
        8 => Credential::X509(vec![input.bytes().into(), input.bytes().into()]),
        9 => Credential::X509(Vec::new()),
        _ => Credential::Basic(input.pick(&names).unwrap_or(b"").into()),
    }
}

fn source(input: &mut Input<'_>) -> LeafNodeSource {
    match input.below(4) {
        0 => LeafNodeSource::Update,
        1 => LeafNodeSource::Commit(input.bytes().into()),
        2 => LeafNodeSource::KeyPackage(folkmoot_sim::lifetime()),
        _ => LeafNodeSource::KeyPackage(Lifetime {
            not_before: Timestamp(input.long()),
            not_after: Timestamp(input.long()),
        }),
    }
}

fn extension_type(input: &mut Input<'_>) -> ExtensionType {
    match input.below(11) {
        standard @ 1..=5 => ExtensionType(standard.try_into().unwrap()),
        6 => SUPPORTED[0],
        7 => SUPPORTED[1],
        8 => ExtensionType(0x0a0a),
        9 => ExtensionType::APP_DATA_DICTIONARY,
        _ => ExtensionType(input.short()),
    }
}

/// Group extensions: those that the group has, and others.
pub(crate) fn extensions(world: &World, input: &mut Input<'_>) -> Extensions {
    let mut extensions = if input.once_in(2) {
        world.known().context.extensions.clone()
    } else {
        Extensions::default()
    };
    for _ in 0..input.below(4) {
        extensions = match input.below(7) {
            0 | 1 => extensions.with(extension_type(input), input.bytes()),
            2 => extensions.requiring(&required(input)),
            3 => extensions.admitting(&admitted(world, input)),
            4 => input.edited(extensions),
            5 => extensions.keeping(&dictionary(input)),
            _ => extensions.with(SUPPORTED[0], input.bytes()),
        };
    }
    extensions
}

fn required(input: &mut Input<'_>) -> RequiredCapabilities {
    let credential = CredentialType(input.below(4).try_into().unwrap());
    let proposal = ProposalType(input.below(12).try_into().unwrap());
    RequiredCapabilities {
        extensions: (0..input.below(3)).map(|_| extension_type(input)).collect(),
        proposals: vec![proposal; input.below(2)],
        credentials: vec![credential; input.below(2)],
    }
}

fn admitted(world: &World, input: &mut Input<'_>) -> Vec<ExternalSender> {
    let sender = |input: &mut Input<'_>| ExternalSender {
        signature_key: match input.pick(&world.keys) {
            Some(keys) if !input.once_in(8) => keys.public.into(),
            _ => input.bytes().into(),
        },
        credential: credential(input),
    };
    (0..input.below(3)).map(|_| sender(input)).collect()
}

fn psk_id(world: &World, input: &mut Input<'_>) -> PreSharedKeyId {
    let context = &world.known().context;
    let psk = match input.below(8) {
        0..=2 => Psk::External(SHARED.into()),
        6 => Psk::Application(WORDS, SHARED.into()),
        7 => Psk::Application(component(input), input.bytes().into()),
        3 => Psk::External(input.bytes().into()),
        _ => {
            let usages = [
                ResumptionPskUsage::Application,
                ResumptionPskUsage::ReInit,
                ResumptionPskUsage::Branch,
            ];
            let usage = usages[input.below(7) % 3];
            let epoch = Epoch(context.epoch.0.wrapping_sub(input.below(5) as u64));
            let group = match input.below(8) {
                1 => GroupId::new(input.bytes()),
                _ => context.group_id.clone(),
            };
            Psk::Resumption(usage, group, epoch)
        }
    };
    let psk_nonce = match input.below(8) {
        1 => input.bytes().into(),
        _ => vec![input.byte(); crypto().hash_length()].into(),
    };
    PreSharedKeyId { psk, psk_nonce }
}

pub(crate) fn reinit(world: &World, input: &mut Input<'_>) -> ReInit {
    let reinit = ReInit {
        group_id: GroupId::new(b"next".to_vec()),
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite(input.below(9).try_into().unwrap()),
        extensions: extensions(world, input),
    };
    if input.once_in(8) {
        input.edited(reinit)
    } else {
        reinit
    }
}

/// The secret of a pre-shared key, where anybody here has it.
pub(super) fn psk_secret(world: &World, known: &Knowledge, id: &PreSharedKeyId) -> Secret {
    let nothing = || Secret::from(vec![1; 32]);
    match &id.psk {
        Psk::External(name) if name.as_slice() == SHARED => {
            let held = Names.external_psk(SHARED);
            held.unwrap_or_else(nothing)
        }
        Psk::Application(component, name) => {
            let held = Names.application_psk(*component, name.as_slice());
            held.unwrap_or_else(nothing)
        }
        Psk::Resumption(_, group, epoch) if *group == known.context.group_id => {
            let mut past = world.known.iter();
            let found = past.find(|past| past.context.epoch == *epoch);
            found.map_or_else(nothing, |past| past.resumption_psk.clone())
        }
        _ => nothing(),
    }
}

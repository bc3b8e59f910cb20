//! Framing: any content under any sender, signature, tag, seal and padding.

use super::senders;
use crate::input::Input;
use crate::world::World;
use folkmoot_mls::hazmat::{self, Knowledge, Seal, Signed};
use folkmoot_mls::{Content, FramedContent, LeafIndex, MlsMessage, Sender, WireFormat};

/// By a member whose keys are there, under the secrets of this epoch or of an earlier one.
pub(super) fn by_member(
    world: &mut World,
    content: Content,
    input: &mut Input<'_>,
) -> Option<(Vec<u8>, Signed)> {
    let (own, keys) = input.pick(&world.controlled())?;
    let known = epoch(world, input);
    let sender = senders(own, input);
    let mut framed = frame(&known, sender, content, input);
    if input.once_in(8) {
        framed = input.edited(framed);
    }
    let wire_format = wire_format(input);
    let context = (!input.once_in(32)).then_some(&known.context);
    let key = &keys.private;
    let signed = Signed::sign(known.crypto, wire_format, framed, key, context).ok()?;
    let message = protect(world, &known, &signed, own, input)?;
    Some((message, signed))
}

/// By somebody outside, who may be the one that the group admits.
pub(super) fn by_outsider(
    world: &World,
    content: Content,
    input: &mut Input<'_>,
) -> Option<(Vec<u8>, Signed)> {
    let known = epoch(world, input);
    let keys = input.pick(&world.keys)?;
    let sender = match input.below(4) {
        0 | 1 => Sender::External(input.below(3).try_into().unwrap()),
        2 => Sender::NewMemberProposal,
        _ => senders(LeafIndex(0), input),
    };
    let framed = frame(&known, sender, content, input);
    let context = input.once_in(16).then_some(&known.context);
    let format = WireFormat::PublicMessage;
    let signed = Signed::sign(known.crypto, format, framed, &keys.private, context).ok()?;
    Some((signed.clone().untagged().encode(), signed))
}

pub(super) fn wire_format(input: &mut Input<'_>) -> WireFormat {
    if input.once_in(2) {
        WireFormat::PrivateMessage
    } else {
        WireFormat::PublicMessage
    }
}

fn epoch(world: &World, input: &mut Input<'_>) -> Knowledge {
    if input.once_in(8) {
        world.known.front().unwrap().clone()
    } else {
        world.known().clone()
    }
}

fn frame(
    known: &Knowledge,
    sender: Sender,
    content: Content,
    input: &mut Input<'_>,
) -> FramedContent {
    let authenticated_data = if input.once_in(8) { input.bytes() } else { b"" };
    FramedContent {
        group_id: known.context.group_id.clone(),
        epoch: known.context.epoch,
        sender,
        authenticated_data: authenticated_data.into(),
        content,
    }
}

/// Tags or seals signed content of a member's, as its wire format says.
pub(super) fn protect(
    world: &mut World,
    known: &Knowledge,
    signed: &Signed,
    own: LeafIndex,
    input: &mut Input<'_>,
) -> Option<Vec<u8>> {
    let mut signed = signed.clone();
    if input.once_in(32) {
        input.edit_once(&mut signed.signature);
    }
    let message = match signed.wire_format {
        WireFormat::PrivateMessage => seal(world, known, &signed, own, input)?,
        WireFormat::PublicMessage if input.once_in(32) => signed.untagged(),
        WireFormat::PublicMessage => {
            signed.tagged(known.crypto, &known.membership_key, &known.context)
        }
    };
    let mut bytes = message.encode();
    if input.once_in(32) {
        input.edit_once(&mut bytes);
    }
    Some(bytes)
}

fn seal(
    world: &mut World,
    known: &Knowledge,
    signed: &Signed,
    own: LeafIndex,
    input: &mut Input<'_>,
) -> Option<MlsMessage> {
    let mut plaintext = signed.plaintext();
    match input.below(16) {
        1 => plaintext.resize(plaintext.len() + input.below(256), 0),
        2 => plaintext.extend(input.bytes()),
        3 => input.edit_once(&mut plaintext),
        4 => plaintext = input.bytes().to_vec(),
        _ => {}
    }
    let next = world.generation;
    world.generation += 1;
    // The last ones are about as far as a message may skip (RFC 9420 §15.3).
    let generations = [next, next, next, next, next, 0, next + 1, 1023, 1024, 1025];
    let generation = input.pick(&generations)?;
    let leaf_index = match input.below(16) {
        1 => LeafIndex(input.below(10).try_into().unwrap()),
        2 => LeafIndex(u32::from(input.short()) << 16),
        _ => own,
    };
    let content_type = signed.content.content.content_type();
    let seal = Seal {
        keys: known.message_key(own, content_type, generation).ok()?,
        leaf_index,
        generation: if input.once_in(32) {
            u32::MAX
        } else {
            generation
        },
        reuse_guard: [1, 2, 3, input.byte()],
        sender_data_secret: &known.sender_data_secret,
    };
    hazmat::seal(known.crypto, &signed.content, &plaintext, seal).ok()
}

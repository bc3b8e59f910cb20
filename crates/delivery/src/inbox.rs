//! Inboxes: one per device, holding sealed pointers until the device has dealt with them.

use folkmoot_identity::DeviceName;
use folkmoot_protocol::bounds::{INBOX_KEPT, POST_MEMORY};
use folkmoot_protocol::{
    AckInbox, Digest, InboxItem, InboxPage, PostPointer, Posted, Problem, ProblemCode, Timestamp,
    encode,
};

use crate::command::{Reply, Wake};
use crate::decide::{Accepted, unexpected_facts};
use crate::need::{EarlierPost, InboxState, StoredPost, Write};

/// Only who claimed a key package of the device can post, since nobody else knows its reference:
/// an inbox cannot be filled by strangers.
pub(crate) fn post(
    post: PostPointer,
    claimed: bool,
    earlier: Option<EarlierPost>,
    inbox: InboxState,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    let request = Digest::of(&encode(&post));
    match earlier {
        Some(earlier) if earlier.request == request => {
            let cursor = earlier.cursor;
            return Ok(Accepted::reply(Reply::Posted(Posted { cursor })));
        }
        Some(_) => {
            let detail = "this idempotency key was used for another pointer";
            return Err(Problem::new(ProblemCode::Conflict, detail));
        }
        None => {}
    }
    if !claimed {
        let detail = "no such device, or this key package of it was not claimed or has expired";
        return Err(Problem::new(ProblemCode::UnknownUser, detail));
    }
    if inbox.kept >= INBOX_KEPT {
        let detail = format!("the inbox of {} is full", post.to);
        return Err(Problem::new(ProblemCode::TooMany, detail));
    }
    let cursor = inbox.last.next().ok_or_else(unexpected_facts)?;
    Ok(Accepted {
        wakes: vec![Wake::Inbox(post.to.clone())],
        writes: vec![Write::PutPost(Box::new(StoredPost {
            to: post.to,
            idempotency: post.idempotency,
            request,
            time: now,
            item: InboxItem {
                cursor,
                key_package_ref: post.key_package_ref,
                pointer: post.pointer,
            },
        }))],
        reply: Reply::Posted(Posted { cursor }),
    })
}

pub(crate) fn read(items: Vec<InboxItem>) -> Result<Accepted, Problem> {
    let items = items.try_into().map_err(|_| unexpected_facts())?;
    Ok(Accepted::reply(Reply::Inbox(InboxPage { items })))
}

pub(crate) fn acknowledge(device: DeviceName, ack: AckInbox, now: Timestamp) -> Accepted {
    Accepted {
        writes: vec![
            Write::ForgetPosts {
                device: device.clone(),
                before: Timestamp(now.0.saturating_sub(POST_MEMORY)),
            },
            Write::DropItems {
                device,
                through: ack.through,
            },
        ],
        reply: Reply::Acknowledged,
        wakes: Vec::new(),
    }
}

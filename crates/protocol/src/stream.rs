//! Frames of `GET /v1/stream`: JSON texts over one WebSocket.

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, InboxCursor, InboxItem, LogEntry, Problem, SessionToken, SlotId, SlotRequest,
};

/// From the client, at most [`MAX_STREAM_REQUEST`](crate::bounds::MAX_STREAM_REQUEST) bytes each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub enum StreamRequest {
    /// Items of the session's inbox after a place, now and as they come.
    Inbox {
        /// Whose inbox.
        token: SessionToken,
        /// The last item that the client has.
        after: InboxCursor,
    },
    /// Entries of a group's log, by [`Action::Follow`](crate::Action::Follow).
    Group(SlotRequest),
}

/// From the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub enum StreamEvent {
    /// The next entry of a followed log.
    Entry {
        /// Whose log.
        group: GroupId,
        /// The slot that follows it.
        slot: SlotId,
        /// The entry.
        entry: Box<LogEntry>,
    },
    /// The next item of the inbox.
    Inbox {
        /// The item.
        item: InboxItem,
    },
    /// A request that was refused, or a subscription that ended.
    Refused {
        /// The group of the request; none for the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<GroupId>,
        /// Why.
        problem: Problem,
    },
}

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
    Group(Box<SlotRequest>),
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
        item: Box<InboxItem>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProblemCode, decode, encode};

    #[test]
    fn frames_survive_json_and_unknown_ones_are_refused() {
        let request = StreamRequest::Inbox {
            token: "a.token".parse().unwrap(),
            after: InboxCursor(3),
        };
        let json = r#"{"type":"inbox","token":"a.token","after":3}"#;
        assert_eq!(encode(&request), json.as_bytes());
        assert_eq!(decode(json.as_bytes()), Ok(request));
        let event = StreamEvent::Refused {
            group: None,
            problem: Problem::new(ProblemCode::TooMany, "enough"),
        };
        assert_eq!(decode(&encode(&event)), Ok(event));
        for bad in [
            r#"{"type":"inbox","token":"a.token","after":3,"more":1}"#,
            r#"{"type":"outbox","token":"a.token","after":3}"#,
            r#"{"type":"inbox","token":"","after":3}"#,
            r#"{"type":"inbox","token":"a b","after":3}"#,
            r#"{"token":"a.token","after":3}"#,
        ] {
            assert!(decode::<StreamRequest>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let token: SessionToken = "s3cret".parse().unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
        assert!(
            "x".repeat(crate::bounds::MAX_TOKEN + 1)
                .parse::<SessionToken>()
                .is_err()
        );
    }
}

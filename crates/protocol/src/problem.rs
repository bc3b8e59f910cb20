//! Refusals, in the shape of RFC 9457.

use std::fmt;

use folkmoot_mls::Epoch;
use serde::{Deserialize, Serialize};

use crate::bounds::MAX_DETAIL;
use crate::{DecodeError, LogEntry, RequestRejected};

/// Why a request was refused; each has one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// The request cannot be read, or contradicts itself.
    Malformed,
    /// No valid session or proof; or the clock of the requester is off.
    Unauthorized,
    /// No such group for this slot: absent, closed, unknown and wrongly signed look the same.
    NotFound,
    /// No such user or device at this provider.
    UnknownUser,
    /// The user has no key package left to claim.
    NoKeyPackages,
    /// The provider keeps no Welcome for this slot: the commit that opened it brought none, or a
    /// build before Welcomes had parts stored it.
    NoWelcome,
    /// The device name belongs to another key.
    NameTaken,
    /// The invite code is missing, wrong or used up.
    InviteRefused,
    /// Another commit ended the epoch first; it comes as `winner`.
    EpochTaken,
    /// The message is of another epoch than the group's, which comes as `current`.
    StaleEpoch,
    /// The same key or id stands for something else already.
    Conflict,
    /// Over a bound of size.
    TooLarge,
    /// Over a bound of number.
    TooMany,
    /// The provider failed.
    Internal,
    /// The provider cannot answer now; the same request may succeed later.
    Unavailable,
}

impl ProblemCode {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthorized => 401,
            Self::InviteRefused => 403,
            Self::NotFound | Self::UnknownUser | Self::NoKeyPackages | Self::NoWelcome => 404,
            Self::NameTaken | Self::EpochTaken | Self::StaleEpoch | Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// As in JSON: `not-found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::UnknownUser => "unknown-user",
            Self::NoKeyPackages => "no-key-packages",
            Self::NoWelcome => "no-welcome",
            Self::NameTaken => "name-taken",
            Self::InviteRefused => "invite-refused",
            Self::EpochTaken => "epoch-taken",
            Self::StaleEpoch => "stale-epoch",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is malformed",
            Self::Unauthorized => "No valid session",
            Self::NotFound => "No such group",
            Self::UnknownUser => "No such user",
            Self::NoKeyPackages => "No key packages left",
            Self::NoWelcome => "No Welcome for this slot",
            Self::NameTaken => "The name is taken",
            Self::InviteRefused => "The invite is refused",
            Self::EpochTaken => "Another commit was first",
            Self::StaleEpoch => "The group is in another epoch",
            Self::Conflict => "Something else has this id",
            Self::TooLarge => "Too large",
            Self::TooMany => "Too many",
            Self::Internal => "The provider failed",
            Self::Unavailable => "The provider is busy",
        }
    }
}

/// A refusal: `application/problem+json` with a `code`, and what the loser of a race needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Problem {
    /// Why.
    pub code: ProblemCode,
    /// One line for a person, at most [`MAX_DETAIL`] bytes.
    pub detail: String,
    /// With `epoch-taken`, and only then: the commit that ended the epoch.
    pub winner: Option<Box<LogEntry>>,
    /// With `stale-epoch`, and only then: the epoch of the group.
    pub current: Option<Epoch>,
}

impl Problem {
    /// A refusal with a detail, which is cut at [`MAX_DETAIL`] bytes.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
        Self {
            code,
            detail,
            winner: None,
            current: None,
        }
    }

    /// The one answer to whoever has no access to a group, for whatever reason.
    pub fn not_found() -> Self {
        Self::new(ProblemCode::NotFound, "no such group for this slot")
    }

    /// Refuses a slot what was never kept for it.
    pub fn no_welcome() -> Self {
        let detail = "no part of a Welcome is kept for this slot; ask a member to remove this device \
                      and to invite it again";
        Self::new(ProblemCode::NoWelcome, detail)
    }

    /// Refuses a commit that came second.
    pub fn epoch_taken(winner: LogEntry) -> Self {
        let detail = "another commit ended this epoch; apply it and commit again";
        Self {
            winner: Some(Box::new(winner)),
            ..Self::new(ProblemCode::EpochTaken, detail)
        }
    }

    /// Refuses a message of an epoch that is over.
    pub fn stale_epoch(current: Epoch) -> Self {
        let detail = format!(
            "the group is in epoch {}; catch up and seal again",
            current.0
        );
        Self {
            current: Some(current),
            ..Self::new(ProblemCode::StaleEpoch, detail)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl From<DecodeError> for Problem {
    fn from(error: DecodeError) -> Self {
        let code = match error {
            DecodeError::TooLarge { .. } => ProblemCode::TooLarge,
            DecodeError::Malformed(_) => ProblemCode::Malformed,
        };
        Self::new(code, error.to_string())
    }
}

impl From<RequestRejected> for Problem {
    /// A wrong time is named, for that depends on the request alone; a wrong signature looks like
    /// an absent group.
    fn from(rejected: RequestRejected) -> Self {
        match rejected {
            RequestRejected::Time(_) => Self::new(ProblemCode::Unauthorized, rejected.to_string()),
            RequestRejected::Signature => Self::not_found(),
        }
    }
}

/// RFC 9457 §3.2 has readers ignore members that they do not know, so this alone of all messages
/// lets them pass.
#[derive(Clone, Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    title: String,
    status: u16,
    code: ProblemCode,
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    winner: Option<Box<LogEntry>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<u64>,
}

impl From<Problem> for Wire {
    fn from(problem: Problem) -> Self {
        Self {
            kind: format!("urn:folkmoot:problem:{}", problem.code.as_str()),
            title: problem.code.title().to_owned(),
            status: problem.code.status(),
            code: problem.code,
            detail: problem.detail,
            winner: problem.winner,
            current: problem.current.map(|epoch| epoch.0),
        }
    }
}

impl TryFrom<Wire> for Problem {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, &'static str> {
        if wire.status != wire.code.status() {
            return Err("a problem with a status that is not its code's");
        }
        if wire.winner.is_some() != (wire.code == ProblemCode::EpochTaken)
            || wire.current.is_some() != (wire.code == ProblemCode::StaleEpoch)
        {
            return Err("a problem without what belongs to its code");
        }
        Ok(Self {
            winner: wire.winner,
            current: wire.current.map(Epoch),
            ..Self::new(wire.code, wire.detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ProblemCode; 15] = [
        ProblemCode::Malformed,
        ProblemCode::Unauthorized,
        ProblemCode::NotFound,
        ProblemCode::UnknownUser,
        ProblemCode::NoKeyPackages,
        ProblemCode::NoWelcome,
        ProblemCode::NameTaken,
        ProblemCode::InviteRefused,
        ProblemCode::EpochTaken,
        ProblemCode::StaleEpoch,
        ProblemCode::Conflict,
        ProblemCode::TooLarge,
        ProblemCode::TooMany,
        ProblemCode::Internal,
        ProblemCode::Unavailable,
    ];

    #[test]
    fn a_code_has_one_spelling() {
        for code in ALL {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
        }
    }

    #[test]
    fn a_problem_survives_json_and_may_carry_unknown_members() {
        let problem = Problem::stale_epoch(Epoch(7));
        let json = serde_json::to_string(&problem).unwrap();
        assert!(
            json.contains("\"status\":409") && json.contains("\"current\":7"),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
        let more = json.replacen('{', "{\"instance\":\"x\",", 1);
        assert_eq!(serde_json::from_str::<Problem>(&more).unwrap(), problem);
    }

    #[test]
    fn contradictions_are_refused() {
        for json in [
            r#"{"status":500,"code":"not-found","detail":""}"#,
            r#"{"status":409,"code":"epoch-taken","detail":""}"#,
            r#"{"status":409,"code":"stale-epoch","detail":""}"#,
            r#"{"status":404,"code":"not-found","detail":"","current":1}"#,
            r#"{"status":404,"code":"lost","detail":""}"#,
        ] {
            assert!(serde_json::from_str::<Problem>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let problem = Problem::new(ProblemCode::Malformed, "ä".repeat(MAX_DETAIL) + "x");
        assert_eq!(problem.detail, "ä".repeat(MAX_DETAIL / 2));
    }
}

//! The Delivery Service's endpoints.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use folkmoot_delivery::{Command, Reply};
use folkmoot_protocol::bounds::{KEY_PACKAGES_PER_UPLOAD, MAX_BODY, MAX_KEY_PACKAGE};
use folkmoot_protocol::{
    AckInbox, Action, ClaimKeyPackages, CreateGroup, InboxCursor, PostPointer, ProblemCode, Redeem,
    SlotRequest, UploadKeyPackages,
};
use serde::Deserialize;

use super::message::{Answer, Message, Refusal};
use super::{Caller, Shared};

/// The most that an upload of key packages takes: base64 makes four of three bytes, and the rest
/// is quotes and commas.
const MAX_UPLOAD: usize = KEY_PACKAGES_PER_UPLOAD * (MAX_KEY_PACKAGE * 4 / 3 + 16) + 1024;

type Outcome = Result<Response, Refusal>;

pub(super) async fn upload_key_packages(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Message { content, .. }: Message<UploadKeyPackages, MAX_UPLOAD>,
) -> Outcome {
    answer(
        &shared,
        shared.services.upload_key_packages(device, content)?,
    )
    .await
}

pub(super) async fn count_key_packages(
    State(shared): State<Shared>,
    Caller(device): Caller,
) -> Outcome {
    answer(&shared, Command::CountKeyPackages { device }).await
}

/// Any device of this provider may claim; nothing says on whose behalf.
pub(super) async fn claim_key_packages(
    State(shared): State<Shared>,
    Caller(_): Caller,
    Message { content, .. }: Message<ClaimKeyPackages>,
) -> Outcome {
    answer(&shared, Command::ClaimKeyPackages(content)).await
}

/// Who posts is not recorded: the pointer alone, sealed, says which group it is about.
pub(super) async fn post_pointer(
    State(shared): State<Shared>,
    Caller(_): Caller,
    Message { content, .. }: Message<PostPointer>,
) -> Outcome {
    answer(&shared, Command::PostPointer(content)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    #[serde(default)]
    after: InboxCursor,
}

pub(super) async fn read_inbox(
    State(shared): State<Shared>,
    Caller(device): Caller,
    query: Result<Query<After>, QueryRejection>,
) -> Outcome {
    let Query(After { after }) =
        query.map_err(|error| Refusal::new(ProblemCode::Malformed, error.body_text()))?;
    answer(&shared, Command::ReadInbox { device, after }).await
}

pub(super) async fn acknowledge_inbox(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Message { content, .. }: Message<AckInbox>,
) -> Outcome {
    answer(
        &shared,
        Command::AckInbox {
            device,
            ack: content,
        },
    )
    .await
}

/// The session bounds who begins groups; which device it was goes no further.
pub(super) async fn create_group(
    State(shared): State<Shared>,
    Caller(_): Caller,
    Message { content, .. }: Message<CreateGroup>,
) -> Outcome {
    answer(&shared, Command::CreateGroup(content)).await
}

/// No session: the slot's signature is all there is.
pub(super) async fn slot(
    State(shared): State<Shared>,
    Message { content, .. }: Message<SlotRequest, MAX_BODY>,
) -> Outcome {
    if matches!(content.action, Action::Follow { .. }) {
        return Err(Refusal::new(
            ProblemCode::Malformed,
            "only a stream can be followed",
        ));
    }
    answer(&shared, shared.services.slot(content)?).await
}

pub(super) async fn redeem(
    State(shared): State<Shared>,
    Message { content, .. }: Message<Redeem>,
) -> Outcome {
    answer(&shared, shared.services.redeem(&content)?).await
}

async fn answer(shared: &Shared, command: Command) -> Outcome {
    Ok(match shared.services.deliver(command).await? {
        Reply::Uploaded(uploaded) => Answer(uploaded).into_response(),
        Reply::Counted(available) => Answer(available).into_response(),
        Reply::Claimed(claimed) => Answer(claimed).into_response(),
        Reply::Posted(posted) => Answer(posted).into_response(),
        Reply::Inbox(page) => Answer(page).into_response(),
        Reply::Acknowledged => StatusCode::NO_CONTENT.into_response(),
        Reply::Created(receipt) => Answer(receipt).into_response(),
        Reply::Appended(appended) => Answer(appended).into_response(),
        Reply::Entries(page) | Reply::Following(_, page) => Answer(page).into_response(),
        Reply::Welcome(welcome) => Answer(welcome).into_response(),
        Reply::Redeemed(redeemed) => Answer(redeemed).into_response(),
    })
}

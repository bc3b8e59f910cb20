//! The Authentication Service's endpoints, and who the provider is.

use axum::extract::State;
use folkmoot_authentication::Reply;
use folkmoot_protocol::{Challenge, OpenSession, ProviderInfo, Register, Registered, Session};

use super::Shared;
use super::message::{Answer, Message, Refusal};
use crate::services::unexpected;

type Outcome<T> = Result<Answer<T>, Refusal>;

pub(super) async fn provider(State(shared): State<Shared>) -> Answer<ProviderInfo> {
    Answer(shared.services.info().clone())
}

pub(super) async fn register(
    State(shared): State<Shared>,
    Message { content, .. }: Message<Register>,
) -> Outcome<Registered> {
    let command = shared.services.register(content)?;
    match shared.services.authenticate(command).await? {
        Reply::Registered(registered) => Ok(Answer(registered)),
        Reply::Invited(_) => Err(unexpected().into()),
    }
}

pub(super) async fn challenge(State(shared): State<Shared>) -> Answer<Challenge> {
    Answer(shared.services.challenge())
}

pub(super) async fn open_session(
    State(shared): State<Shared>,
    Message { content, .. }: Message<OpenSession>,
) -> Outcome<Session> {
    Ok(Answer(shared.services.open_session(&content)?))
}

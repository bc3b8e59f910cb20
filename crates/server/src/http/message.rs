//! Bodies and answers: JSON of bounded size, read in bounded time; every refusal is a problem.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use folkmoot_protocol::{Problem, ProblemCode, decode, encode};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Shared;

/// How long a client may take to send a body, and to wait for room for a large one.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// Bodies up to this many bytes are bounded by the number of connections; larger ones by
/// [`Limits::large_bodies`](crate::config::Limits::large_bodies).
pub(crate) const SMALL_BODY: usize = 64 << 10;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Problem);

/// An answer on its way out.
#[derive(Debug)]
pub(crate) struct Answer<T>(pub(crate) T);

/// A message from a body of at most `BOUND` bytes. Holds the room of a large one until dropped.
#[derive(Debug)]
pub(crate) struct Message<T, const BOUND: usize = SMALL_BODY> {
    pub(crate) content: T,
    _room: Option<OwnedSemaphorePermit>,
}

impl Refusal {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }
}

impl<P: Into<Problem>> From<P> for Refusal {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).expect("the codes' are valid");
        json(status, "application/problem+json", encode(&self.0))
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, "application/json", encode(&self.0))
    }
}

fn json(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

impl<T: DeserializeOwned, const BOUND: usize> FromRequest<Shared> for Message<T, BOUND> {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Refusal> {
        let received = timeout(
            BODY_TIMEOUT,
            receive::<T, BOUND>(request.into_body(), shared),
        );
        let late = |_| Refusal::new(ProblemCode::Unavailable, "the body took too long to arrive");
        let (content, room) = received.await.map_err(late)??;
        Ok(Self {
            content,
            _room: room,
        })
    }
}

async fn receive<T: DeserializeOwned, const BOUND: usize>(
    body: Body,
    shared: &Shared,
) -> Result<(T, Option<OwnedSemaphorePermit>), Refusal> {
    let mut room = None;
    let mut read = Vec::new();
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
        let length = read.len() + chunk.len();
        if length > BOUND {
            let detail = format!("the body is over the bound of {BOUND} bytes here");
            return Err(Refusal::new(ProblemCode::TooLarge, detail));
        }
        if length > SMALL_BODY && room.is_none() {
            let large_bodies = Arc::clone(&shared.large_bodies);
            room = Some(large_bodies.acquire_owned().await.expect("never closed"));
        }
        read.extend_from_slice(&chunk);
    }
    Ok((decode(&read)?, room))
}

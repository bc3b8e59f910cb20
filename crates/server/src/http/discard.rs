//! The rest of a body that nobody read.
//!
//! A connection closed on a client that is still sending is reset, and the client never reads the
//! refusal. So what a handler left is read and thrown away before its answer goes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use folkmoot_protocol::bounds::MAX_BODY;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::message::BODY_TIMEOUT;

/// How much is thrown away, in bytes, before the connection is reset after all.
const MAX_DISCARDED: usize = 2 * MAX_BODY;

/// Answers a request when all of it has come.
pub(super) async fn discard_rest(request: Request, next: Next) -> Response {
    let deadline = Instant::now() + BODY_TIMEOUT;
    let (parts, body) = request.into_parts();
    let mut rest = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let body = Body::from_stream(rest.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    // Who sends too slowly or too much is cut off.
    let _ = timeout_at(deadline, rest.discard()).await;
    response
}

/// A body that its reader may leave unfinished.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Shared {
    async fn discard(&mut self) {
        let mut discarded = 0_usize;
        while discarded <= MAX_DISCARDED
            && let Some(Ok(chunk)) = self.next().await
        {
            discarded = discarded.saturating_add(chunk.len());
        }
    }
}

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Reader and discarder take turns, so that nobody waits here.
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context)
    }
}

//! Every endpoint of the protocol, from request to answer.

mod accounts;
mod delivery;
mod discard;
mod follow;
mod message;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::middleware::from_fn;
use axum::routing::{get, post, put};
use folkmoot_identity::DeviceName;
use folkmoot_protocol::{ProblemCode, SessionToken, path};
use tokio::sync::{Semaphore, watch};

use crate::config::{Limits, room};
use crate::services::Services;
use message::Refusal;

/// What all requests share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) services: Arc<Services>,
    /// Room for large bodies.
    large_bodies: Arc<Semaphore>,
    /// Room for streams.
    pub(crate) streams: Arc<Semaphore>,
    drain: watch::Receiver<bool>,
    slow_reader: Duration,
}

impl Shared {
    pub(crate) fn new(services: Services, limits: &Limits, drain: watch::Receiver<bool>) -> Self {
        Self {
            services: Arc::new(services),
            large_bodies: Arc::new(Semaphore::new(room(limits.large_bodies))),
            streams: Arc::new(Semaphore::new(room(limits.streams))),
            drain,
            slow_reader: Duration::from_secs(limits.slow_reader_seconds.get().into()),
        }
    }
}

/// The whole of `/v1`; everything else is a problem too.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route(path::PROVIDER, get(accounts::provider))
        .route(path::DEVICES, post(accounts::register))
        .route(path::CHALLENGE, post(accounts::challenge))
        .route(path::SESSION, post(accounts::open_session))
        .route(
            path::KEY_PACKAGES,
            put(delivery::upload_key_packages).get(delivery::count_key_packages),
        )
        .route(path::KEY_PACKAGES_CLAIM, post(delivery::claim_key_packages))
        .route(
            path::INBOX,
            post(delivery::post_pointer).get(delivery::read_inbox),
        )
        .route(path::INBOX_ACK, post(delivery::acknowledge_inbox))
        .route(path::GROUPS, post(delivery::create_group))
        .route(path::SLOT, post(delivery::slot))
        .route(path::SLOT_REDEEM, post(delivery::redeem))
        .route(path::STREAM, get(stream::open))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(discard::discard_rest))
        .with_state(shared)
}

async fn unknown_path(uri: Uri) -> Refusal {
    Refusal::new(
        ProblemCode::NotFound,
        format!("nothing is at {}", uri.path()),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let detail = format!(
        "{} does not take {method}; the header Allow says what it does",
        uri.path()
    );
    Refusal::new(ProblemCode::Malformed, detail)
}

/// The device whose session a request carries.
pub(crate) struct Caller(pub(crate) DeviceName);

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let token = bearer_token(parts).ok_or_else(|| {
            Refusal::new(
                ProblemCode::Unauthorized,
                "this needs `Authorization: Bearer <token>`",
            )
        })?;
        Ok(Self(shared.services.caller(&token)?))
    }
}

/// RFC 6750 §2.1; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer_token(parts: &Parts) -> Option<SessionToken> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().parse().ok())?
}

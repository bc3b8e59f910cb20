//! `GET /v1/stream`: one WebSocket over which a client follows its inbox and its groups.
//!
//! Nothing is buffered for a reader. A wake-up makes the stream read one page from its cursor; the
//! next page is read only when this one has been taken; who takes an event too slowly is cut and
//! comes back with its cursor.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use folkmoot_delivery::Wake;
use folkmoot_protocol::bounds::MAX_STREAM_REQUEST;
use folkmoot_protocol::{ProblemCode, StreamEvent, decode, encode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::Shared;
use super::follow::Following;
use super::message::Refusal;
use crate::accept::stopped;

/// How often the other side is probed.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Probes in a row that the other side may leave unanswered: with the next one it is cut.
pub(crate) const UNANSWERED_PROBES: u32 = 2;
/// How long a stream may stay without anything that it follows.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn open(
    State(shared): State<Shared>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade =
        upgrade.map_err(|error| Refusal::new(ProblemCode::Malformed, error.body_text()))?;
    let room = Arc::clone(&shared.streams)
        .try_acquire_owned()
        .map_err(|_| {
            Refusal::new(
                ProblemCode::Unavailable,
                "as many streams as the provider allows are open",
            )
        })?;
    let upgrade = upgrade
        .max_message_size(MAX_STREAM_REQUEST)
        .max_frame_size(MAX_STREAM_REQUEST);
    Ok(upgrade.on_upgrade(async move |socket| {
        let following = Following::nothing(Arc::clone(&shared.services));
        Stream {
            _room: room,
            socket,
            shared,
            following,
        }
        .run()
        .await;
    }))
}

struct Stream {
    /// First, so that whoever sees the socket closed finds room for another.
    _room: OwnedSemaphorePermit,
    socket: WebSocket,
    shared: Shared,
    following: Following,
}

/// Why a stream ends: a close code of RFC 6455 §7.4.1 and a word for a person.
#[derive(Debug)]
struct End(u16, &'static str);

enum Happened {
    Received(Option<Result<Message, axum::Error>>),
    Woken(Wake),
    Probe,
    Idle,
    Stopped,
}

impl Stream {
    async fn run(mut self) {
        let End(code, reason) = self.serve().await;
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        // The stream ends whether or not the other side hears of it.
        let _ = timeout(
            self.shared.slow_reader,
            self.socket.send(Message::Close(Some(frame))),
        )
        .await;
    }

    async fn serve(&mut self) -> End {
        let mut drain = self.shared.drain.clone();
        let mut probes = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        // Nobody is heard, or probed, while an event is being taken: then a probe comes late, and there
        // is as much time as ever to answer it.
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut unanswered, mut followed) = (0, Instant::now());
        loop {
            let nothing = self.following.is_nothing();
            if !nothing {
                followed = Instant::now();
            }
            let happened = tokio::select! {
                received = self.socket.recv() => Happened::Received(received),
                wake = self.following.woken() => Happened::Woken(wake),
                _ = probes.tick() => Happened::Probe,
                () = sleep_until(followed + IDLE_TIMEOUT), if nothing => Happened::Idle,
                () = stopped(&mut drain) => Happened::Stopped,
            };
            match happened {
                Happened::Received(_) => unanswered = 0,
                Happened::Probe => unanswered += 1,
                _ => {}
            }
            let handled = match happened {
                Happened::Received(received) => self.receive(received).await,
                Happened::Woken(wake) => self.read(wake).await,
                Happened::Probe if unanswered > UNANSWERED_PROBES => {
                    Err(End(close_code::POLICY, "silent for too long"))
                }
                Happened::Probe => self.send(Message::Ping(Bytes::new())).await,
                Happened::Idle => Err(End(close_code::POLICY, "nothing is followed")),
                Happened::Stopped => Err(End(close_code::AWAY, "the provider stops")),
            };
            if let Err(end) = handled {
                return end;
            }
        }
    }

    async fn receive(&mut self, received: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let text = match received {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(_))) => {
                return Err(End(close_code::UNSUPPORTED, "requests are text"));
            }
            Some(Ok(Message::Close(_))) | None => return Err(End(close_code::NORMAL, "")),
            Some(Err(_)) => return Err(End(close_code::PROTOCOL, "not a frame within its bound")),
        };
        match decode(text.as_bytes()) {
            Ok(request) => match self.following.add(request).await {
                Ok(()) => Ok(()),
                Err(refused) => self.event(&refused).await,
            },
            Err(error) => {
                let refused = StreamEvent::Refused {
                    group: None,
                    problem: error.into(),
                };
                self.event(&refused).await?;
                Err(End(close_code::POLICY, "a request cannot be read"))
            }
        }
    }

    async fn read(&mut self, wake: Wake) -> Result<(), End> {
        for event in self.following.read(wake).await {
            self.event(&event).await?;
        }
        Ok(())
    }

    async fn event(&mut self, event: &StreamEvent) -> Result<(), End> {
        let text = String::from_utf8(encode(event)).expect("JSON is UTF-8");
        self.send(Message::Text(text.into())).await
    }

    /// Returns when the message has left, so that at most one waits for a reader.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.shared.slow_reader, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End(close_code::NORMAL, "")),
            Err(_) => Err(End(close_code::POLICY, "reads too slowly")),
        }
    }
}

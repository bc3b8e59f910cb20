//! Waiting for what comes: a WebSocket wakes, polling is the net.

use std::sync::Arc;
use std::time::Duration;

use folkmoot_protocol::{StreamEvent, path};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Client, now, tls};
use crate::error::Error;
use crate::event::Event;

/// How long a stream may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Without any wake-up everything is asked for this often.
const POLL_INTERVAL: Duration = Duration::from_secs(30);
/// The wait before a broken stream is opened again.
const REOPEN_WAIT: Duration = Duration::from_secs(1);

type Stream = WebSocketStream<TlsStream<TcpStream>>;

impl Client {
    /// Gives events as they happen, for as long as it is polled: drop it to stop.
    ///
    /// Being offline is no error here: it is tried again.
    pub async fn follow(&mut self, mut on_event: impl FnMut(Event)) -> Result<(), Error> {
        loop {
            let mut stream = match self.open_stream().await {
                Ok(stream) => Some(stream),
                Err(Error::Offline { .. }) => None,
                Err(error) => return Err(error),
            };
            loop {
                match self.sync().await {
                    Ok(events) => {
                        events.into_iter().for_each(&mut on_event);
                    }
                    Err(Error::Offline { .. }) => break,
                    Err(error) => return Err(error),
                }
                let subscribed = self.core.subscriptions(now())?;
                let Some(open) = &mut stream else { break };
                if !wait(open, subscribed).await {
                    break;
                }
            }
            tokio::time::sleep(REOPEN_WAIT).await;
        }
    }

    async fn open_stream(&mut self) -> Result<Stream, Error> {
        let missing = || Error::Internal("the profile has no account".into());
        let address = self.core.address().ok_or_else(missing)?.clone();
        let offline = |reason: String| Error::Offline {
            address: address.authority(),
            reason,
        };
        let open = async {
            let host = address.host().trim_matches(['[', ']']).to_owned();
            let tcp = TcpStream::connect((host.as_str(), address.port()))
                .await
                .map_err(|error| offline(error.to_string()))?;
            let config =
                tls::config(address.pin()).map_err(|error| Error::Internal(error.to_string()))?;
            let name = ServerName::try_from(host).map_err(|error| offline(error.to_string()))?;
            let connector = TlsConnector::from(Arc::new(config));
            let secured = connector.connect(name, tcp).await.map_err(|error| {
                if tls::is_wrong_pin(&error) {
                    Error::WrongPin {
                        address: address.authority(),
                    }
                } else {
                    offline(error.to_string())
                }
            })?;
            let url = format!("wss://{}{}", address.authority(), path::STREAM);
            let request = url
                .into_client_request()
                .map_err(|error| Error::Internal(error.to_string()))?;
            let opened = client_async(request, secured).await;
            opened
                .map(|(stream, _)| stream)
                .map_err(|error| offline(error.to_string()))
        };
        timeout(OPEN_TIMEOUT, open)
            .await
            .map_err(|_| offline("it takes too long".into()))?
    }
}

/// Subscribes and waits for the first thing that comes; `false` where the stream has ended.
async fn wait(stream: &mut Stream, subscriptions: Vec<Vec<u8>>) -> bool {
    for request in subscriptions {
        let Ok(text) = String::from_utf8(request) else {
            continue;
        };
        if stream.send(Message::text(text)).await.is_err() {
            return false;
        }
    }
    let until = Instant::now() + POLL_INTERVAL;
    loop {
        match timeout_at(until, stream.next()).await {
            Err(_) => return true,
            Ok(Some(Ok(Message::Text(text)))) => {
                match folkmoot_protocol::decode::<StreamEvent>(text.as_bytes()) {
                    // What is pushed is a wake-up: it is read, in its place, by the next round.
                    Ok(StreamEvent::Entry { .. } | StreamEvent::Inbox { .. }) => return true,
                    Ok(StreamEvent::Refused { .. }) => {}
                    Err(_) => return false,
                }
            }
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return false,
            Ok(Some(Ok(_))) => {}
        }
    }
}

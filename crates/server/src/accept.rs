//! The accept loop: TCP, TLS and HTTP/1.1 for a bounded number of connections, each with bounded
//! waits, until it is told to stop.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

/// How long a client may take over its TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take over a request's head; an idle connection is closed after as long.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection is used before the client has to open another: it ends those on which
/// nobody reads the answer.
pub(crate) const CONNECTION_AGE: Duration = Duration::from_mins(10);
/// How long requests under way may take once the provider stops or their connection's age is over.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after the operating system could not give another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Buffer of a connection, and so the longest head of a request, in bytes.
const CONNECTION_BUFFER: usize = 64 << 10;
/// Most header fields of a request.
const MAX_HEADERS: usize = 64;

/// What the loop serves.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) tls: TlsAcceptor,
    pub(crate) router: Router,
    /// True, or closed, once connections are to end.
    pub(crate) drain: watch::Receiver<bool>,
}

/// The two steps of stopping: nobody sees a connection end while the provider still listens.
pub(crate) struct Stop {
    /// True, or closed, once nothing more is to be accepted.
    pub(crate) asked: watch::Receiver<bool>,
    /// Tells the connections, once nobody listens any more.
    pub(crate) drain: watch::Sender<bool>,
}

/// Accepts until told to stop, then waits for the connections' requests, at most
/// [`DRAIN_TIMEOUT`].
pub(crate) async fn accept(
    listener: TcpListener,
    service: Service,
    connections: usize,
    mut stop: Stop,
) {
    let free = Arc::new(Semaphore::new(connections));
    let mut running = JoinSet::new();
    let mut asked = pin!(stopped(&mut stop.asked));
    loop {
        let next = async {
            let permit = Arc::clone(&free)
                .acquire_owned()
                .await
                .expect("never closed");
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = &mut asked => break,
            // Ended connections are forgotten as they end.
            Some(_) = running.join_next() => {}
            (accepted, permit) = next => match accepted {
                Ok((stream, _)) => {
                    let service = service.clone();
                    running.spawn(async move {
                        serve(stream, service).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(%error, "accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.drain.send_replace(true);
    let drained = timeout(DRAIN_TIMEOUT, async {
        while running.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        warn!(
            connections = running.len(),
            "cut after the time for draining"
        );
    }
    running.shutdown().await;
}

/// Waits until the provider stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the provider is gone, which is a stop too.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn serve(stream: TcpStream, service: Service) {
    if let Err(error) = serve_http(stream, service).await {
        debug!(%error, "connection");
    }
}

async fn serve_http(stream: TcpStream, service: Service) -> io::Result<()> {
    let Service {
        tls,
        router,
        mut drain,
    } = service;
    stream.set_nodelay(true)?;
    let handshake = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
    let stream = tokio::select! {
        shaken = handshake => shaken.map_err(|_| io::ErrorKind::TimedOut)??,
        () = stopped(&mut drain) => return Ok(()),
    };
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(CONNECTION_BUFFER)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
            .with_upgrades()
    );
    tokio::select! {
        served = connection.as_mut() => return served.map_err(io::Error::other),
        () = stopped(&mut drain) => {}
        () = sleep(CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let drained = timeout(DRAIN_TIMEOUT, connection)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?;
    drained.map_err(io::Error::other)
}

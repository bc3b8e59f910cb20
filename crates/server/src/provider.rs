//! Starting and stopping a provider.

use std::net::SocketAddr;

use folkmoot_identity::UserName;
use folkmoot_protocol::{CertificatePin, InviteCode, JoinAddress, RegistrationPolicy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::Error;
use crate::accept::{self, DRAIN_TIMEOUT, Service, Stop};
use crate::config::{Config, room};
use crate::data::DataDirectory;
use crate::http::{Shared, router};
use crate::services::Services;
use crate::tls::Tls;

/// One operator's Authentication Service and Delivery Service in this process.
#[derive(Debug)]
pub struct Provider;

impl Provider {
    /// Starts a provider, which serves from when this returns. The first start makes data
    /// directory, keys and certificates.
    ///
    /// # Errors
    /// Whatever keeps it from serving; see [`Error`].
    pub async fn start(config: Config) -> Result<Running, Error> {
        let limits = config.limits.clone();
        let listen = config.listen;
        let (config, prepared) = spawn_blocking(move || {
            let prepared = Prepared::new(&config);
            (config, prepared)
        })
        .await
        .map_err(|error| Error::Internal(error.to_string()))?;
        let Prepared {
            data,
            tls,
            services,
        } = prepared?;

        let failed = |source| Error::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let invite = match config.registration {
            RegistrationPolicy::Invite => Some(services.invite(None).await?),
            RegistrationPolicy::Open => None,
        };
        let join_address = join_address(&config, address, &tls, invite)?;

        let (stop, asked) = watch::channel(false);
        let (drain, draining) = watch::channel(false);
        let shared = Shared::new(services, &limits, draining.clone());
        let service = Service {
            tls: tls.acceptor,
            router: router(shared.clone()),
            drain: draining,
        };
        let stopping = Stop { asked, drain };
        let connections = room(limits.connections);
        let accepting = tokio::spawn(accept::accept(listener, service, connections, stopping));
        info!(%address, domain = %config.domain, "serving");
        Ok(Running {
            address,
            join_address,
            stop,
            accepting,
            shared,
            streams: limits.streams.get(),
            data,
        })
    }
}

/// A provider that serves. Dropped, it stops without waiting for requests under way; nothing that
/// was acknowledged is lost either way.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    join_address: JoinAddress,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    shared: Shared,
    streams: u32,
    data: DataDirectory,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client registers with. Where registration is by invite, it carries one that lets in
    /// one new user.
    pub fn join_address(&self) -> &JoinAddress {
        &self.join_address
    }

    /// A join address with an invite of its own: for a new user, or, whatever the policy, for a
    /// further device of `user`.
    ///
    /// # Errors
    /// [`Error::Refused`] when too many invites are unused or the store cannot keep another.
    pub async fn invite(&self, user: Option<UserName>) -> Result<JoinAddress, Error> {
        let invite = self.shared.services.invite(user).await?;
        let known = &self.join_address;
        let (host, domain) = (known.host(), known.domain().clone());
        JoinAddress::new(host, known.port(), domain, known.pin(), Some(invite))
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Stops: accepts nothing more, finishes the requests under way, ends the streams, closes the
    /// store.
    ///
    /// # Errors
    /// [`Error::Internal`] when the provider had failed before.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.stop.send_replace(true);
        let accepted = self.accepting.await;
        if timeout(
            DRAIN_TIMEOUT,
            self.shared.streams.acquire_many(self.streams),
        )
        .await
        .is_err()
        {
            warn!("streams were cut");
        }
        close(self.shared, self.data).await?;
        accepted.map_err(|error| Error::Internal(error.to_string()))
    }

    /// Serves until the process is asked to end (SIGINT or SIGTERM), then stops as
    /// [`shutdown`](Self::shutdown) does. Such a request is heard from when this returns, before the
    /// future is polled. Needs to be called inside a runtime.
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown), and [`Error::Internal`] when the provider ended by itself.
    pub fn wait(mut self) -> impl Future<Output = Result<(), Error>> + Send {
        let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        async move {
            let fault = |error: std::io::Error| Error::Internal(error.to_string());
            let [interrupt, terminate] = signals;
            let (mut interrupt, mut terminate) =
                (interrupt.map_err(fault)?, terminate.map_err(fault)?);
            tokio::select! {
                _ = interrupt.recv() => info!("interrupted"),
                _ = terminate.recv() => info!("terminated"),
                ended = &mut self.accepting => {
                    close(self.shared, self.data).await?;
                    return Err(Error::Internal(format!("the accept loop ended: {ended:?}")));
                }
            }
            self.shutdown().await
        }
    }
}

/// The store finishes what waits when the last of its users lets it go, which may block.
async fn close(shared: Shared, data: DataDirectory) -> Result<(), Error> {
    let closed = spawn_blocking(move || {
        drop(shared);
        drop(data);
    });
    closed
        .await
        .map_err(|error| Error::Internal(error.to_string()))
}

/// What is made from files, off the asynchronous threads.
struct Prepared {
    data: DataDirectory,
    tls: Tls,
    services: Services,
}

impl Prepared {
    fn new(config: &Config) -> Result<Self, Error> {
        let data = DataDirectory::open(&config.data)?;
        let tls = Tls::load(config, &data)?;
        let services = Services::open(config, &data)?;
        Ok(Self {
            data,
            tls,
            services,
        })
    }
}

fn join_address(
    config: &Config,
    listening: SocketAddr,
    tls: &Tls,
    invite: Option<InviteCode>,
) -> Result<JoinAddress, Error> {
    let (host, port) = match &config.public_address {
        Some(address) => split_address(address).ok_or_else(|| wrong_public_address(address))?,
        // Every interface: the name that the provider goes by is the best guess.
        None if listening.ip().is_unspecified() => {
            (config.domain.as_str().to_owned(), listening.port())
        }
        None => (listening.ip().to_string(), listening.port()),
    };
    let pin = CertificatePin(tls.pin);
    JoinAddress::new(&host, port, config.domain.clone(), pin, invite)
        .map_err(|_| wrong_public_address(&format!("{host}:{port}")))
}

fn split_address(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Some((host.to_owned(), port.parse().ok()?))
}

fn wrong_public_address(address: &str) -> Error {
    Error::Config(format!(
        "public_address: {address} is not of the form host:port"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_host_and_port() {
        assert_eq!(
            split_address("chat.example.org:443"),
            Some(("chat.example.org".to_owned(), 443))
        );
        assert_eq!(split_address("[::1]:7443"), Some(("::1".to_owned(), 7443)));
        for wrong in [
            "chat.example.org",
            "chat.example.org:",
            "chat.example.org:70000",
            "",
        ] {
            assert_eq!(split_address(wrong), None, "{wrong}");
        }
    }
}

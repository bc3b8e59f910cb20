//! Servers in this process, on loopback, and connections to them.

use folkmoot_interop::proto::mls_client_client::MlsClientClient;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

pub(crate) type Remote = MlsClientClient<Channel>;

pub(crate) struct Server {
    pub(crate) remote: Remote,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(folkmoot_interop::serve(listener, async {
            stopped.await.unwrap_or_default();
        }));
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await
            .unwrap();
        Self {
            remote: MlsClientClient::new(channel),
            stop,
            served,
        }
    }

    /// It has served to the end.
    pub(crate) async fn stop(self) {
        drop(self.remote);
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

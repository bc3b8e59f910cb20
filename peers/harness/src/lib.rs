//! Folkmoot's engine behind `MLSClient`, the gRPC interface by which the MLS Working Group's test runner
//! drives the clients of a group.
//!
//! One server is any number of clients. Each has keys of its own, is who its basic credential says,
//! and is known by the ids that the server gave out. Everything is in memory, and whoever can connect may do
//! everything: private keys leave the server where the interface asks for them. It is for tests alone.
#![forbid(unsafe_code)]
#![allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "all calls take their request alike"
)]

mod client;
mod clients;
mod commits;
mod epoch;
mod failure;
mod joining;
mod outside;
mod proposals;
mod service;
mod state;
mod successors;
mod wire;

use service::Service;
use std::future::Future;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// The interface, generated from `proto/mls_client.proto`.
#[allow(
    clippy::pedantic,
    missing_docs,
    unused_qualifications,
    reason = "generated"
)]
pub mod proto {
    tonic::include_proto!("mls_client");
}

/// Requests of one connection that are worked on at once.
const MAX_CONCURRENT: usize = 64;

/// Serves clients that are all new until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .concurrency_limit_per_connection(MAX_CONCURRENT)
        .add_service(Service::default().into_server())
        .serve_with_incoming_shutdown(incoming, stop)
        .await
}

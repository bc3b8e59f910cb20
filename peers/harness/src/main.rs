//! The server's command line.
#![forbid(unsafe_code)]

use clap::Parser;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use tokio::net::TcpListener;

/// Lets the MLS Working Group's interoperability test runner drive Folkmoot, over gRPC.
///
/// Whoever can connect gets private keys: for tests alone.
#[derive(Parser)]
struct Arguments {
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port to listen on; 0 takes any that is free
    #[arg(short, long, default_value_t = 50051)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { host, port } = Arguments::parse();
    let listener = TcpListener::bind((host, port))
        .await
        .map_err(|error| format!("cannot listen on {host}, port {port}: {error}"))?;
    println!("Folkmoot listens on {}", listener.local_addr()?);
    let stop = async {
        // Where no signal can be waited for, the server goes on until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(folkmoot_interop::serve(listener, stop).await?)
}

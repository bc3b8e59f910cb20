//! A provider's sockets: HTTPS and WebSocket around the Authentication Service's and the Delivery
//! Service's decisions, and the data directory with keys, certificate and database.
//!
//! TLS 1.3 only, HTTP/1.1 with one request at a time per connection, a bound on everything: see
//! [`Limits`] for what an operator sets.
//!
//! ```
//! use folkmoot_server::{Config, Provider};
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//!
//! let provider = Provider::start(Config {
//!     listen: "127.0.0.1:0".parse()?,
//!     data: folder.path().join("provider"),
//!     ..Config::default()
//! })
//! .await?;
//! println!("join with {}", provider.join_address());
//! provider.shutdown().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod accept;
mod bus;
mod clock;
mod config;
mod data;
mod error;
mod http;
mod keys;
mod provider;
mod services;
mod tls;

pub use config::{Config, DEFAULT_PORT, Limits, TlsFiles};
pub use error::Error;
pub use provider::{Provider, Running};

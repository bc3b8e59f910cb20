//! The Folkmoot client as a library: a pure core that decides, a driver that performs.
//!
//! [`core::Core`] knows neither sockets nor files nor the clock: it looks at its store, says what to ask
//! the provider next, and takes the answer in one transaction. [`Client`] drives it over HTTPS with an
//! encrypted store in a profile folder.
//!
//! ```no_run
//! use folkmoot_client::{Client, MessageFilter};
//! # async fn example() -> Result<(), folkmoot_client::Error> {
//! let profile = std::path::Path::new("alice");
//! let address = "folkmoot://localhost:8443/?domain=localhost&pin=…".parse().expect("from `serve`");
//! let mut alice = Client::register(profile, &address, "alice", "laptop").await?;
//! let group = alice.create_group("books").await?;
//! let bob = alice.user_name("bob")?;
//! alice.invite(&group.name, &[bob]).await?;
//! alice.send(&group.name, "hello").await?;
//! for message in alice.messages(None, MessageFilter::All)? {
//!     println!("{}: {}", message.sender, message.text);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod core;
#[cfg(not(target_family = "wasm"))]
mod driver;
mod error;
mod event;
mod summary;

pub use self::core::MAX_TEXT;
#[cfg(not(target_family = "wasm"))]
pub use driver::Client;
pub use error::Error;
pub use event::{Event, StoredMessage, WarningKind};
pub use folkmoot_identity::{DeviceName, UserName};
pub use folkmoot_protocol::JoinAddress;
pub use summary::{CommitSummary, GroupSummary, MemberSummary, MessageFilter, SentMessage, Whoami};

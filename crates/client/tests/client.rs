//! The client's core against the provider's cores, in one thread on virtual time: no sockets, no
//! files. Only `driver` and `impostor` are about what real servers and a
//! real disk add.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "client/away.rs"]
mod away;
#[path = "client/bad_input.rs"]
mod bad_input;
#[path = "client/boundary.rs"]
mod boundary;
#[path = "client/converge.rs"]
mod converge;
#[path = "client/crash.rs"]
mod crash;
#[path = "client/driver.rs"]
mod driver;
#[path = "client/flaky.rs"]
mod flaky;
#[path = "client/halted.rs"]
mod halted;
#[path = "client/impostor.rs"]
mod impostor;
#[path = "client/invitations.rs"]
mod invitations;
#[path = "client/policy.rs"]
mod policy;
#[path = "client/provider.rs"]
mod provider;
#[path = "client/race.rs"]
mod race;
#[path = "client/refused.rs"]
mod refused;
#[path = "client/rival.rs"]
mod rival;
#[path = "client/script.rs"]
mod script;
#[path = "client/stage.rs"]
mod stage;
#[path = "client/world.rs"]
mod world;

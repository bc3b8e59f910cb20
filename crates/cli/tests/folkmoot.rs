//! The binary as people and programs meet it: real processes, real sockets, real files.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "folkmoot/accounts.rs"]
mod accounts;
#[path = "folkmoot/conversation.rs"]
mod conversation;
#[path = "folkmoot/demo.rs"]
mod demo;
#[path = "folkmoot/help.rs"]
mod help;
#[path = "folkmoot/kills.rs"]
mod kills;
#[path = "folkmoot/kit.rs"]
mod kit;
#[path = "folkmoot/live.rs"]
mod live;
#[path = "folkmoot/profiles.rs"]
mod profiles;
#[path = "folkmoot/races.rs"]
mod races;
#[path = "folkmoot/refusals.rs"]
mod refusals;
#[path = "folkmoot/serve.rs"]
mod serve;

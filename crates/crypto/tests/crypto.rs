//! Every suite of every provider: published answers, agreement of providers, refusals.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "crypto/agree.rs"]
mod agree;
#[path = "crypto/hpke.rs"]
mod hpke;
#[path = "crypto/kdf.rs"]
mod kdf;
#[path = "crypto/kit.rs"]
mod kit;
#[path = "crypto/post_quantum.rs"]
mod post_quantum;
#[path = "crypto/refuse.rs"]
mod refuse;
#[path = "crypto/sign.rs"]
mod sign;

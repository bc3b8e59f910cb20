//! The rules of RFC 9420, one by one: each is attacked, or shown to be kept.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod bounds;
mod certificates;
mod commits;
mod components;
mod decoding;
mod document;
mod evolution;
mod extensions;
mod external;
mod framing;
mod leaves;
mod leaving;
mod lists;
mod observers;
mod paths;
mod proposals;
mod targeted;
mod trees;
mod welcome;

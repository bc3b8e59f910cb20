//! Round trips of the engine and of the client's core, without anything that WebAssembly does not have:
//! no C, no clock, no randomness of the system's, no files, no threads.
//!
//! The same functions run in the tests of this crate. Built for `wasm32-unknown-unknown`, the crate is a
//! module that a host drives: `cargo xtask wasm` does it in Node.
//!
//! ```
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
//! let said = folkmoot_wasm::clients(folkmoot_protocol::Timestamp(1_750_000_000), &mut rng)?;
//! assert!(said.starts_with("clients:"));
//! # Ok::<(), folkmoot_wasm::Failure>(())
//! ```

mod clients;
mod engine;
#[cfg(target_family = "wasm")]
mod host;
mod provider;

pub use clients::clients;
pub use engine::engine;

/// What did not come out as it has to.
pub type Failure = Box<dyn std::error::Error>;

fn ensure(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(what.into()) }
}

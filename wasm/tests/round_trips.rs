//! The round trips that WebAssembly makes, made here.

use folkmoot_protocol::Timestamp;
use folkmoot_wasm::{Failure, clients, engine};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

#[test]
fn the_engine_goes_round_in_every_portable_suite() -> Result<(), Failure> {
    let said = engine(&mut ChaCha20Rng::seed_from_u64(1))?;
    // Suites 1, 2, 3, 5 and 7, and three with ML-KEM.
    assert_eq!(said, "engine: 8 cipher suites, 3 members each");
    Ok(())
}

#[test]
fn clients_go_round() -> Result<(), Failure> {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    clients(Timestamp(1_750_000_000), &mut rng).map(drop)
}

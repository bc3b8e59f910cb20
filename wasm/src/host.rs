//! What the module asks of its host, and what the host may call. Nothing here takes memory from outside.
#![allow(
    unsafe_code,
    reason = "functions that cross the border of a module have no other form"
)]

use crate::Failure;
use core::convert::Infallible;
use folkmoot_protocol::Timestamp;
use rand_core::{TryCryptoRng, TryRng};

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Fills so many bytes from there with bytes that nobody can predict.
    fn random(at: *mut u8, length: usize);
    /// Shows so many bytes of UTF-8 from there.
    fn show(at: *const u8, length: usize);
}

/// The host's randomness.
struct HostRng;

impl TryRng for HostRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        // SAFETY: the host writes these bytes and no others, before it returns.
        unsafe { random(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }
}

impl TryCryptoRng for HostRng {}

/// The engine's round trip; 0 where all went well.
#[unsafe(no_mangle)]
extern "C" fn engine() -> u32 {
    tell(|| crate::engine(&mut HostRng))
}

/// The clients' round trip at a moment, in seconds since 1970; 0 where all went well.
#[unsafe(no_mangle)]
extern "C" fn clients(now: u64) -> u32 {
    tell(|| crate::clients(Timestamp(now), &mut HostRng))
}

fn tell(round_trip: impl FnOnce() -> Result<String, Failure>) -> u32 {
    std::panic::set_hook(Box::new(|panic| say(&panic.to_string())));
    match round_trip() {
        Ok(text) => {
            say(&text);
            0
        }
        Err(failure) => {
            say(&format!("failed: {failure}"));
            1
        }
    }
}

fn say(text: &str) {
    // SAFETY: the host reads these bytes and no others, before it returns.
    unsafe { show(text.as_ptr(), text.len()) };
}

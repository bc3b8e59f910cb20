//! What the fuzzers do with their bytes. The fuzzers themselves stand in `fuzz/`, outside the workspace;
//! the tests of this crate give the same functions the corpus that the fuzzers have gathered.
//!
//! A target panics where the engine does, or where something does not hold that always has to.
//!
//! ```
//! folkmoot_fuzzing::DECODE.run(b"any bytes at all");
//! ```
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    reason = "what does not hold in a fuzzer has to stop it"
)]

mod certificates;
mod decode;
mod external;
mod input;
mod insider;
mod member;
mod observer;
mod outsider;
mod protocol;
mod records;
mod seeds;
mod watcher;
mod welcome;
mod world;

/// One thing to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its program in `fuzz/` and of its folder of the corpus.
    pub name: &'static str,
    /// Longer inputs are cut.
    pub max_length: usize,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// Does with the bytes what the target does.
    pub fn run(&self, bytes: &[u8]) {
        (self.run)(&bytes[..bytes.len().min(self.max_length)]);
    }

    /// Inputs to begin with, where no corpus is there yet.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }
}

/// Every structure of RFC 9420.
pub const DECODE: Target = Target {
    name: "decode",
    max_length: 4096,
    run: decode::run,
    seeds: seeds::decode,
};

/// Every message between client and provider, names and addresses.
pub const PROTOCOL: Target = Target {
    name: "protocol",
    max_length: 4096,
    run: protocol::run,
    seeds: seeds::protocol,
};

/// Certificates, and requests for them.
pub const CERTIFICATES: Target = Target {
    name: "certificates",
    max_length: 512,
    run: certificates::run,
    seeds: seeds::scripts,
};

/// A member, and whoever can write to it.
pub const OUTSIDER: Target = Target {
    name: "outsider",
    max_length: 1024,
    run: outsider::run,
    seeds: seeds::scripts,
};

/// Honest members, and members who keep to no rule.
pub const INSIDER: Target = Target {
    name: "insider",
    max_length: 512,
    run: insider::run,
    seeds: seeds::scripts,
};

/// A joiner by a Welcome.
pub const WELCOME: Target = Target {
    name: "welcome",
    max_length: 512,
    run: welcome::run,
    seeds: seeds::scripts,
};

/// Joiners by a commit of their own, honest ones and others.
pub const EXTERNAL: Target = Target {
    name: "external",
    max_length: 512,
    run: external::run,
    seeds: seeds::scripts,
};

/// An observer, and members beside it.
pub const OBSERVER: Target = Target {
    name: "observer",
    max_length: 512,
    run: observer::run,
    seeds: seeds::scripts,
};

/// A member's records.
pub const RECORDS: Target = Target {
    name: "records",
    max_length: 256,
    run: records::run,
    seeds: seeds::scripts,
};

/// All of them.
pub const TARGETS: [Target; 9] = [
    DECODE,
    PROTOCOL,
    CERTIFICATES,
    OUTSIDER,
    INSIDER,
    WELCOME,
    EXTERNAL,
    OBSERVER,
    RECORDS,
];

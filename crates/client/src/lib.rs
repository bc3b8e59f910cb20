//! folkmoot-crypto
#![forbid(unsafe_code)]

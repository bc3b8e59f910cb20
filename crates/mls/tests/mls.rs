//! The engine as its users see it: groups in memory, every delta stored, every state reloaded.

#[path = "mls/kit.rs"]
mod kit;
#[path = "mls/lifecycle.rs"]
mod lifecycle;

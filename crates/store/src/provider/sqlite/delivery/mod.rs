//! The Delivery Service's records in tables.

mod apply;
mod load;

pub(super) use apply::apply;
pub(super) use load::load;

//! Cargo wants a target in every manifest; this package is only fetched.

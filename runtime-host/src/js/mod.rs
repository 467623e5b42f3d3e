//! The JavaScript of the web platform, evaluated once into the snapshot that every isolate starts
//! from.
//!
//! Each file is a function body with the parameters `internals` and `ops`, run in this order.
//! `internals` is the one object files publish to and read from (it is never reachable from a
//! Worker); `ops` holds the host functions of [`crate::ops`]. A file that needs what a later file
//! publishes reads it from `internals` when called, not when evaluated. Host functions may not be
//! called while a file is evaluated: there is no request, no entropy and no clock in a snapshot.

/// Files of the snapshot in the order of evaluation: the one list.
pub const FILES: &[(&str, &str)] = &[
    ("00_primordials.js", include_str!("00_primordials.js")),
    ("01_webidl.js", include_str!("01_webidl.js")),
];

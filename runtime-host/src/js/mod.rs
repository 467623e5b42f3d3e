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
    ("02_dom_exception.js", include_str!("02_dom_exception.js")),
    ("03_events.js", include_str!("03_events.js")),
    ("04_abort.js", include_str!("04_abort.js")),
    ("05_globals.js", include_str!("05_globals.js")),
    ("10_stream_tools.js", include_str!("10_stream_tools.js")),
    ("11_queuing_strategies.js", include_str!("11_queuing_strategies.js")),
    ("12_readable_core.js", include_str!("12_readable_core.js")),
    ("13_readable_byte.js", include_str!("13_readable_byte.js")),
    ("14_readable_tee.js", include_str!("14_readable_tee.js")),
    ("15_writable_core.js", include_str!("15_writable_core.js")),
    ("15_writable.js", include_str!("15_writable.js")),
    ("16_stream_pipe.js", include_str!("16_stream_pipe.js")),
    ("17_readable.js", include_str!("17_readable.js")),
    ("17_readable_readers.js", include_str!("17_readable_readers.js")),
    ("17_readable_iteration.js", include_str!("17_readable_iteration.js")),
    ("18_transform.js", include_str!("18_transform.js")),
    ("18_identity_transform.js", include_str!("18_identity_transform.js")),
    ("19_host_streams.js", include_str!("19_host_streams.js")),
    ("20_encoding.js", include_str!("20_encoding.js")),
    ("21_url.js", include_str!("21_url.js")),
    ("22_base64.js", include_str!("22_base64.js")),
    ("23_structured_clone.js", include_str!("23_structured_clone.js")),
    ("24_encoding_streams.js", include_str!("24_encoding_streams.js")),
    ("29_mime_type.js", include_str!("29_mime_type.js")),
    ("30_headers.js", include_str!("30_headers.js")),
    ("31_body.js", include_str!("31_body.js")),
    ("32_request.js", include_str!("32_request.js")),
    ("33_response.js", include_str!("33_response.js")),
    ("34_blob.js", include_str!("34_blob.js")),
    ("35_form_data.js", include_str!("35_form_data.js")),
    ("36_form_data_parser.js", include_str!("36_form_data_parser.js")),
    ("39_base64url.js", include_str!("39_base64url.js")),
    ("40_crypto.js", include_str!("40_crypto.js")),
    ("41_crypto_digest.js", include_str!("41_crypto_digest.js")),
    ("42_crypto_hmac.js", include_str!("42_crypto_hmac.js")),
    ("50_host.js", include_str!("50_host.js")),
    ("51_fetch.js", include_str!("51_fetch.js")),
    ("52_timers.js", include_str!("52_timers.js")),
    ("53_console.js", include_str!("53_console.js")),
    ("54_service_worker.js", include_str!("54_service_worker.js")),
    ("90_dispatch.js", include_str!("90_dispatch.js")),
];

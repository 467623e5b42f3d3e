//! The JavaScript of the web platform, evaluated once into the snapshot that every isolate starts
//! from.
//!
//! Each file is a function body with the parameters `internals` and `ops`, run in this order.
//! `internals` is the one object files publish to and read from (it is never reachable from a
//! Worker); `ops` holds the host functions of [`crate::ops`]. A file that needs what a later file
//! publishes reads it from `internals` when called, not when evaluated. Host functions may not be
//! called while a file is evaluated: there is no request, no entropy and no clock in a snapshot.
//!
//! Files are ASCII, so that V8 uses their text where it lies in the program.

/// The environment variable that names a directory to read the files from instead, where
/// [`MAY_BE_REPLACED`].
pub const DIRECTORY_VARIABLE: &str = "NANO_JS";

/// Whether that is looked at: in builds for work on this program, never in what is shipped.
pub const MAY_BE_REPLACED: bool = cfg!(debug_assertions);

/// One file.
pub struct File {
    pub name: &'static str,
    pub text: &'static str,
    pub compiled: Compiled,
}

/// When the functions of a file are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiled {
    /// For the snapshot: nearly every request calls some of them. Each isolate has a copy of the
    /// bytecode.
    Ahead,
    /// By the isolate that calls one, when it first does: some 20 microseconds each. What
    /// `95_rehearsal.js` calls is in the snapshot all the same.
    OnCall,
}

macro_rules! files {
    ($($compiled:ident $name:literal)*) => {
        &[$(File { name: $name, text: include_str!($name), compiled: Compiled::$compiled }),*]
    };
}

/// Files of the snapshot in the order of evaluation: the one list.
pub const FILES: &[File] = files![
    OnCall "00_primordials.js"
    Ahead "01_webidl.js"
    OnCall "02_dom_exception.js"
    OnCall "03_events.js"
    OnCall "04_abort.js"
    OnCall "05_globals.js"
    Ahead "06_lazy.js"
    OnCall "10_stream_tools.js"
    OnCall "11_queuing_strategies.js"
    OnCall "12_readable_core.js"
    OnCall "13_readable_byte.js"
    OnCall "14_readable_tee.js"
    OnCall "15_writable_core.js"
    OnCall "15_writable.js"
    OnCall "16_stream_pipe.js"
    OnCall "17_readable.js"
    OnCall "17_readable_readers.js"
    OnCall "17_readable_iteration.js"
    OnCall "18_transform.js"
    OnCall "18_identity_transform.js"
    OnCall "19_host_streams.js"
    Ahead "20_encoding.js"
    Ahead "21_url.js"
    OnCall "22_base64.js"
    OnCall "23_structured_clone.js"
    OnCall "24_encoding_streams.js"
    OnCall "25_compression_streams.js"
    OnCall "26_url_pattern.js"
    OnCall "27_html_document.js"
    OnCall "27_html_tokens.js"
    OnCall "27_html_rewriter.js"
    OnCall "29_mime_type.js"
    Ahead "30_headers.js"
    Ahead "31_body.js"
    Ahead "32_request.js"
    Ahead "33_response.js"
    OnCall "34_blob.js"
    OnCall "35_form_data.js"
    OnCall "36_form_data_parser.js"
    OnCall "37_file_reader.js"
    OnCall "37_local_urls.js"
    OnCall "38_integrity.js"
    OnCall "39_base64url.js"
    OnCall "40_crypto.js"
    OnCall "40_crypto_jwk.js"
    OnCall "41_crypto_digest.js"
    OnCall "42_crypto_hmac.js"
    OnCall "43_crypto_aes.js"
    OnCall "44_crypto_kdf.js"
    OnCall "45_crypto_ec.js"
    OnCall "46_crypto_okp.js"
    OnCall "47_crypto_rsa.js"
    OnCall "48_crypto_subtle.js"
    OnCall "49_crypto_global.js"
    OnCall "49_digest_stream.js"
    Ahead "50_host.js"
    Ahead "51_fetch.js"
    Ahead "52_timers.js"
    OnCall "53_console.js"
    OnCall "54_service_worker.js"
    OnCall "61_performance.js"
    OnCall "62_inspect.js"
    OnCall "63_inspect_layout.js"
    OnCall "64_inspectable.js"
    OnCall "65_messaging.js"
    OnCall "66_transfer_streams.js"
    OnCall "67_wasm_streaming.js"
    OnCall "68_cloudflare.js"
    OnCall "69_scheduler.js"
    OnCall "55_cache.js"
    OnCall "56_socket_state.js"
    OnCall "57_websocket.js"
    OnCall "58_eventsource_parser.js"
    OnCall "59_eventsource.js"
    Ahead "90_dispatch.js"
    OnCall "95_rehearsal.js"
];

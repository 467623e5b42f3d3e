//! Host functions that the snapshot's JavaScript calls, one file per API.
//!
//! An op is `fn(scope, args, return_value)`. Arguments come from code of ours, but carry a Worker's
//! values: an op checks types and bounds and throws a JavaScript exception; it never panics. An op
//! that finishes later takes an op id and is settled by the engine (see [`crate::engine`]).
#![allow(clippy::needless_pass_by_value)] // V8's callback signature takes its arguments by value.
#![allow(unsafe_code)] // Ops read and write V8's buffers; each block says why it holds.

mod args;
mod base;
mod base64;
mod body;
mod cache;
mod compression;
mod crypto;
mod encoding;
mod exchange;
mod fetch;
mod globals;
pub mod html_rewriter;
mod inspect;
mod socket;
mod structured_clone;
mod timers;
mod url;
mod url_pattern;
mod values;

use v8::MapFnTo;

/// What I/O at the top level of a module answers, as Workers say it.
const GLOBAL_SCOPE: &str = "Disallowed operation called within global scope. Asynchronous I/O \
    (ex: fetch() or connect()), setting a timeout, and generating random values are not allowed \
    within global scope. To fix this error, perform this operation within a handler.";
/// What I/O for a request that is over answers.
const REQUEST_OVER: &str = "The request that this operation belongs to is over.";
/// As Workers say it.
const TOO_MANY_SUBREQUESTS: &str = "Too many subrequests by single Worker invocation.";

/// One host function.
pub struct Op {
    pub name: &'static str,
    pub callback: v8::FunctionCallback,
}

macro_rules! ops {
    ($($name:literal => $function:path),* $(,)?) => {
        vec![$(Op { name: $name, callback: $function.map_fn_to() }),*]
    };
}

/// Every op: the one list. Its order is part of the snapshot, which is made in the same process.
pub fn list() -> Vec<Op> {
    ops![
        "isProxy" => base::is_proxy,
        "isError" => base::is_error,
        "isRegExp" => base::is_reg_exp,
        "isMap" => base::is_map,
        "isSet" => base::is_set,
        "isBytes" => base::is_bytes,
        "promiseState" => base::promise_state,
        "now" => base::now,
        "currentInvocation" => base::current_invocation,
        "console" => base::console,
        "reportException" => base::report_exception,
        "bodyRead" => body::body_read,
        "bodyReadAll" => body::body_read_all,
        "bodyCancel" => body::body_cancel,
        "bodyLength" => body::body_length,
        "leavingWrite" => body::leaving_write,
        "leavingWait" => body::leaving_wait,
        "leavingEnd" => body::leaving_end,
        "leavingError" => body::leaving_error,
        "leavingRelay" => body::leaving_relay,
        "requestUrl" => exchange::request_url,
        "requestHeaders" => exchange::request_headers,
        "requestCf" => exchange::request_cf,
        "responseHeaders" => exchange::response_headers,
        "responseUrl" => exchange::response_url,
        "responseRedirected" => exchange::response_redirected,
        "responseStatusText" => exchange::response_status_text,
        "respond" => exchange::respond,
        "fail" => exchange::fail,
        "passThroughOnException" => exchange::pass_through_on_exception,
        "setMetadata" => exchange::set_metadata,
        "background" => exchange::background,
        "passUpstream" => exchange::pass_upstream,
        "watchUpstream" => exchange::watch_upstream,
        "answer" => exchange::answer,
        "fetch" => fetch::fetch,
        "fetchAbort" => fetch::fetch_abort,
        "cacheNames" => cache::cache_names,
        "cacheMatch" => cache::cache_match,
        "cacheGet" => cache::cache_get,
        "cacheList" => cache::cache_list,
        "cacheDelete" => cache::cache_delete,
        "cachePut" => cache::cache_put,
        "socketOpen" => socket::socket_open,
        "socketAccept" => socket::socket_accept,
        "socketSend" => socket::socket_send,
        "socketClose" => socket::socket_close,
        "responseSocket" => socket::response_socket,
        "timerStart" => timers::timer_start,
        "timerClear" => timers::timer_clear,
        "queueMicrotask" => globals::queue_microtask,
        "errorLocation" => globals::error_location,
        "utf8Length" => encoding::utf8_length,
        "utf8Write" => encoding::utf8_write,
        "utf8Decode" => encoding::utf8_decode,
        "encodingName" => encoding::encoding_name,
        "decodeAll" => encoding::decode_all,
        "decodeChunk" => encoding::decode_chunk,
        "urlParse" => url::parse,
        "urlCanParse" => url::can_parse,
        "urlSet" => url::set,
        "formDecode" => url::form_decode,
        "formEncode" => url::form_encode,
        "cryptoRandomFill" => crypto::random_fill,
        "cryptoRandomUuid" => crypto::random_uuid,
        "cryptoDigest" => crypto::digest,
        "cryptoDigestStart" => crypto::digest_start,
        "cryptoDigestUpdate" => crypto::digest_update,
        "cryptoDigestFinal" => crypto::digest_final,
        "cryptoHmac" => crypto::hmac,
        "cryptoAesCbc" => crypto::aes_cbc,
        "cryptoAesCtr" => crypto::aes_ctr,
        "cryptoAesGcm" => crypto::aes_gcm,
        "cryptoAesKw" => crypto::aes_kw,
        "cryptoHkdf" => crypto::hkdf,
        "cryptoPbkdf2" => crypto::pbkdf2,
        "cryptoEcGenerate" => crypto::ec_generate,
        "cryptoEcParse" => crypto::ec_parse,
        "cryptoEcEncode" => crypto::ec_encode,
        "cryptoEcDerive" => crypto::ec_derive,
        "cryptoEcdsaSign" => crypto::ecdsa_sign,
        "cryptoEcdsaVerify" => crypto::ecdsa_verify,
        "cryptoOkpGenerate" => crypto::okp_generate,
        "cryptoOkpPublic" => crypto::okp_public,
        "cryptoOkpParse" => crypto::okp_parse,
        "cryptoOkpDerive" => crypto::okp_derive,
        "cryptoEd25519Sign" => crypto::ed25519_sign,
        "cryptoEd25519Verify" => crypto::ed25519_verify,
        "cryptoRsaGenerate" => crypto::rsa_generate,
        "cryptoRsaParse" => crypto::rsa_parse,
        "cryptoRsaEncode" => crypto::rsa_encode,
        "cryptoRsaParts" => crypto::rsa_parts,
        "cryptoRsaFromParts" => crypto::rsa_from_parts,
        "cryptoRsaSign" => crypto::rsa_sign,
        "cryptoRsaVerify" => crypto::rsa_verify,
        "cryptoRsaEncrypt" => crypto::rsa_encrypt,
        "cryptoRsaDecrypt" => crypto::rsa_decrypt,
        "timingSafeEqual" => crypto::timing_safe_equal,
        "btoa" => base64::btoa,
        "atob" => base64::atob,
        "objectKind" => structured_clone::object_kind,
        "codecStart" => compression::codec_start,
        "codecRun" => compression::codec_run,
        "codecEnd" => compression::codec_end,
        "urlPatternParse" => url_pattern::parse,
        "urlPatternInput" => url_pattern::input,
        "htmlSelector" => html_rewriter::selector,
        "htmlStart" => html_rewriter::start,
        "htmlRun" => html_rewriter::run,
        "htmlOutput" => html_rewriter::output,
        "htmlEnd" => html_rewriter::end,
        "htmlRead" => html_rewriter::read,
        "htmlChange" => html_rewriter::change,
        "htmlInsert" => html_rewriter::insert,
        "htmlOnEndTag" => html_rewriter::on_end_tag,
        "htmlAttribute" => html_rewriter::attribute,
        "htmlSetAttribute" => html_rewriter::set_attribute,
        "htmlAttributes" => html_rewriter::attributes,
        "lazyResolver" => globals::lazy_resolver,
        "exposeLazily" => globals::expose_lazily,
        "microtaskCheckpoint" => globals::microtask_checkpoint,
        "compatibilityFlags" => globals::compatibility_flags,
        "codeGenerationAllowed" => globals::code_generation_allowed,
        "inspectKind" => inspect::inspect_kind,
        "proxyTarget" => inspect::proxy_target,
        "promiseResult" => inspect::promise_result,
        "ownKeys" => inspect::own_keys,
        "previewEntries" => inspect::preview_entries,
    ]
}

/// Addresses that the snapshot refers to beside those of [`list`].
pub fn getters() -> Vec<v8::AccessorNameGetterCallback> {
    vec![globals::lazy_getter()]
}

/// The `ops` object for the snapshot: a null-prototype object with every op.
pub fn object<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Object> {
    let null = v8::null(scope).into();
    let object = v8::Object::with_prototype_and_properties(scope, null, &[], &[]);
    for op in list() {
        let name = v8::String::new(scope, op.name).expect("op names are short");
        let function = v8::Function::builder_raw(op.callback)
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope)
            .expect("a function is made from a live scope");
        function.set_name(name);
        object.set(scope, name.into(), function.into());
    }
    object
}

/// Throws a `TypeError`.
pub fn throw_type_error(scope: &mut v8::PinScope<'_, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::type_error(scope, message);
    scope.throw_exception(error);
}

/// Throws an `Error`.
pub fn throw_error(scope: &mut v8::PinScope<'_, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::error(scope, message);
    scope.throw_exception(error);
}

/// Throws a `RangeError`.
pub fn throw_range_error(scope: &mut v8::PinScope<'_, '_>, message: &str) {
    let message = v8::String::new(scope, message).unwrap_or_else(|| v8::String::empty(scope));
    let error = v8::Exception::range_error(scope, message);
    scope.throw_exception(error);
}

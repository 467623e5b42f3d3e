//! Arbitrary strings and bytes for the platform's JavaScript, and arbitrary requests for a Worker.
//!
//! `fuzz.js` says what must be true. There is no deserializer of bytes to be tried: `structuredClone`
//! has records of its own, and V8's format is not reachable.

use std::cell::RefCell;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use super::driver::Driver;
use crate::exchange::{Command, Event, HeaderList, Outbox, RequestHead, Side, Start};
use crate::fuzz;
use crate::isolate::message::{InvocationId, Message};
use crate::isolate::{Health, platform, snapshot};
use crate::ops;

/// Strings as JavaScript has them, surrogates without a partner included.
fn strings() -> impl Strategy<Value = Vec<u16>> {
    let unit = prop_oneof![
        2 => 0_u16..0x100,
        1 => 0xd7f0_u16..0xe010,
        1 => select(vec![0, 9, 10, 13, 0x20, 0xa0, 0xfeff, 0xffff, 0xfffd, 0x130, 0x212a, 0xff0e, 0x2028]),
    ];
    let text = |text: String| text.encode_utf16().collect::<Vec<_>>();
    prop_oneof![
        3 => fuzz::text(6).prop_map(text),
        2 => prop::collection::vec(unit, 0..8),
        1 => (fuzz::text(2), prop::collection::vec(0xd800_u16..0xe000, 1..3)).prop_map(
            move |(begin, units)| text(begin).into_iter().chain(units).collect()
        ),
    ]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec((0_u16..0x100).no_shrink(), 0..most)
}

fn known(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u16>> {
    let pieces = prop::collection::vec(select(texts), 1..6);
    prop_oneof![
        5 => pieces.prop_map(|all| all.concat().encode_utf16().collect::<Vec<_>>()),
        1 => (select(texts), strings()).prop_map(|(begin, rest)| {
            begin.encode_utf16().chain(rest).collect()
        }),
    ]
}

/// Cases of one kind of `fuzz.js`, in one isolate.
fn check(kind: &str, cases: u32, pairs: &impl Strategy<Value = (Vec<u16>, Vec<u16>)>) {
    platform::initialize();
    let params = v8::CreateParams::default()
        .snapshot_blob(snapshot::blob())
        .external_references(snapshot::external_references());
    let mut isolate = v8::Isolate::new(params);
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    v8::scope!(let scope, &mut isolate);
    let context = v8::Context::new(scope, v8::ContextOptions::default());
    let scope = &mut v8::ContextScope::new(scope, context);
    let scope: &mut v8::PinScope<'_, '_> = scope;
    let function = checker(scope).expect("fuzz.js is sound");
    let scope = RefCell::new(scope);
    fuzz::check(cases, pairs, |(a, b)| {
        if let Err(text) = call(&mut scope.borrow_mut(), function, kind, &a, &b) {
            let [a, b] = [a, b].map(|units| String::from_utf16_lossy(&units));
            panic!("{kind}: {text}\n{a:?}\n{b:?}");
        }
    });
}

fn checker<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Function>> {
    let internals = scope
        .get_context_data_from_snapshot_once::<v8::Object>(snapshot::INTERNALS_DATA_INDEX)
        .expect("the snapshot holds internals");
    let code = v8::String::new(scope, include_str!("fuzz.js"))?;
    let parameters = ["internals", "ops"].map(|name| v8::String::new(scope, name));
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    let mut code = v8::script_compiler::Source::new(code, None);
    let function = v8::script_compiler::compile_function(
        scope,
        &mut code,
        &parameters,
        &[],
        v8::script_compiler::CompileOptions::NoCompileOptions,
        v8::script_compiler::NoCacheReason::NoReason,
    )?;
    let ops = ops::object(scope);
    let this = v8::undefined(scope).into();
    function.call(scope, this, &[internals.into(), ops.into()])?.try_into().ok()
}

fn call(
    scope: &mut v8::PinScope<'_, '_>,
    function: v8::Local<'_, v8::Function>,
    kind: &str,
    a: &[u16],
    b: &[u16],
) -> Result<(), String> {
    v8::scope!(let scope, scope);
    v8::tc_scope!(let scope, scope);
    let kind = v8::String::new(scope, kind).ok_or("no string")?;
    let [a, b] =
        [a, b].map(|units| v8::String::new_from_two_byte(scope, units, v8::NewStringType::Normal));
    let (Some(a), Some(b)) = (a, b) else { return Err("no string".into()) };
    let this = v8::undefined(scope).into();
    let Some(result) = function.call(scope, this, &[kind.into(), a.into(), b.into()]) else {
        let thrown = scope.stack_trace().or_else(|| scope.exception());
        return Err(thrown.map(|value| value.to_rust_string_lossy(scope)).unwrap_or_default());
    };
    scope.perform_microtask_checkpoint();
    let Ok(promise) = v8::Local::<v8::Promise>::try_from(result) else { return Ok(()) };
    match promise.state() {
        v8::PromiseState::Fulfilled => Ok(()),
        v8::PromiseState::Pending => Err("the promise is not settled".into()),
        v8::PromiseState::Rejected => {
            let reason = promise.result(scope);
            let key: v8::Local<'_, v8::Value> =
                v8::String::new(scope, "stack").ok_or("no string")?.into();
            let stack = reason.to_object(scope).and_then(|object| object.get(scope, key));
            Err(stack.unwrap_or(reason).to_rust_string_lossy(scope))
        }
    }
}

const URLS: &[&str] = &[
    "http:",
    "https://",
    "HTTP://",
    "file:",
    "data:",
    "javascript:",
    "blob:",
    "x:",
    "//",
    "/",
    "\\",
    "?",
    "#",
    "@",
    ":",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "%",
    "%00",
    "example.com",
    "EXAMPLE.com",
    "127.1",
    "0x7f.1",
    "[::1]",
    "[::ffff:1.2.3.4]",
    "[",
    "]",
    "xn--",
    "xn--a",
    "\u{fc}.de",
    "\u{ad}",
    "\u{3002}",
    "\u{ff0e}",
    "a b",
    "user:pa ss",
    ":80",
    ":443",
    ":99999",
    ":0x",
    "a",
    "b",
    "^",
    "|",
    "<",
    ">",
    "`",
    "{",
    "}",
    "\"",
    "'",
    "\t",
    "\n",
    "&",
    "=",
    "+",
    "~",
    "C:",
    "C|",
    "\u{1f600}",
    "\u{fffe}",
];

#[test]
fn urls_of_any_text_are_stable() {
    let text = || prop_oneof![3 => known(URLS), 1 => strings()];
    let base = prop_oneof![
        1 => Just(Vec::new()),
        2 => select(vec!["http://u:p@h:81/a/b?c#d", "file:///C:/a", "data:x", "x://h/p", "about:blank"])
            .prop_map(|base| base.encode_utf16().collect()),
        1 => text(),
    ];
    check("url", 400, &(text(), base));
}

#[test]
fn parameters_of_any_text_come_back() {
    check("parameters", 200, &(prop_oneof![known(URLS), strings()], strings()));
}

#[test]
fn headers_of_any_text_are_sound_or_refused() {
    const NAMES: &[&str] = &[
        "x",
        "set-cookie",
        "__proto__",
        "constructor",
        "Content-Length",
        "-",
        "!",
        "a:b",
        " ",
        "\u{e9}",
        "",
    ];
    let value = prop_oneof![2 => strings(), 1 => bytes(6), 1 => "[ -~]{0,9}".prop_map(|text| text.encode_utf16().collect())];
    check("headers", 300, &(prop_oneof![3 => known(NAMES), 1 => strings()], value));
}

#[test]
fn requests_and_responses_of_any_text_are_sound_or_refused() {
    const METHODS: &[&str] = &[
        "GET", "post", "Patch", "TRACE", "CONNECT", "track", "X", "!", " ", "\r\n", "\u{130}", "",
    ];
    check("request", 200, &(known(METHODS), prop_oneof![known(URLS), strings()]));
    const JSON: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "1",
        "-",
        "e",
        "null",
        "\\u",
        "d800",
        "__proto__",
        "\u{feff}",
        " ",
    ];
    check(
        "response",
        200,
        &(prop_oneof![strings(), known(URLS)], prop_oneof![known(JSON), strings()]),
    );
}

#[test]
fn forms_of_any_bytes_are_read_or_refused() {
    const TYPES: &[&str] = &[
        "multipart/form-data; boundary=b",
        "multipart/form-data;boundary=\"b\"",
        "MULTIPART/form-data",
        "; boundary=",
        "b",
        "--",
        "application/x-www-form-urlencoded",
        ";charset=utf-8",
        "text/plain",
        "\"",
        "=",
        ";",
        " ",
        "\u{fc}",
    ];
    const FORM: &[&str] = &[
        "--b\r\n",
        "--b--",
        "--b--\r\n",
        "\r\n",
        "\n",
        "\r",
        "--",
        "b",
        "Content-Disposition: form-data; name=\"a\"\r\n",
        "content-disposition:form-data;name=a;filename=\"f\"\r\n",
        "Content-Type: text/plain\r\n",
        "name=\"",
        "filename*=utf-8''x",
        "\\\"",
        "%22",
        "%0D%0A",
        "\u{0}",
        "\u{ff}\u{fe}",
        "x=y&z=%zz+",
        "\r\nvalue",
        ": ",
        ";",
        "\"",
        "a",
    ];
    let types = prop_oneof![
        6 => select(&TYPES[..2]).prop_map(|one| one.encode_utf16().collect()),
        2 => known(TYPES),
    ];
    let form = prop::collection::vec(select(FORM), 0..14)
        .prop_map(|parts| parts.concat().encode_utf16().map(|unit| unit & 0xff).collect());
    let usual = prop::collection::vec(select(FORM), 0..5).prop_map(|parts| {
        let text = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\nv\r\n--b--",
            parts.concat()
        );
        text.encode_utf16().map(|unit| unit & 0xff).collect()
    });
    check("form", 300, &(types, prop_oneof![2 => form, 2 => usual, 1 => bytes(60)]));
    check("formFields", 150, &(strings(), prop_oneof![strings(), known(FORM)]));
    check("mime", 150, &(known(TYPES), prop_oneof![strings(), known(TYPES)]));
}

#[test]
fn any_bytes_are_decoded_and_encoded() {
    check("text", 150, &(bytes(40), strings()));
    const BASE64: &[&str] = &["A", "B", "==", "=", "/", "+", " ", "\n", "-", "_", "QUJD", "\u{a0}"];
    check("base64", 200, &(prop_oneof![known(BASE64), strings()], bytes(20)));
}

#[test]
fn any_graph_of_objects_is_cloned_as_it_is() {
    check("clone", 200, &(bytes(24), strings()));
}

/// Any head that a front end could hand over, whoever sent it.
fn heads() -> impl Strategy<Value = RequestHead> {
    let some = |usual: Vec<&'static str>| {
        prop_oneof![
            4 => select(usual).prop_map(|text| text.as_bytes().to_vec()),
            1 => fuzz::text(3).prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..6),
        ]
    };
    (
        some(vec!["GET", "POST", "HEAD", "get", "X-Y", "TRACE", "OPTIONS"]),
        some(vec!["http", "https"]),
        some(vec!["example.com", "example.com:80", "[::1]:8080", "user@host", "%41", "*"]),
        some(vec![
            "/",
            "/a?b",
            "//x/y",
            "*",
            "http://other/",
            "/%00/../..",
            "/\u{fc}",
            "?",
            "/a b",
        ]),
        fuzz::fields(8),
        any::<bool>(),
    )
        .prop_map(|(method, scheme, authority, path, fields, has_body)| {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into()));
            RequestHead {
                method: method.into(),
                scheme: scheme.into(),
                authority: authority.into(),
                path: path.into(),
                headers: HeaderList(fields.collect()),
                has_body,
            }
        })
}

#[test]
fn any_request_is_answered_by_a_worker_that_copies_all_of_it() {
    let worker = Driver::new(
        "export default { async fetch(request) {
            const copy = new Request(request.url, { method: request.method, headers: request.headers });
            const headers = new Headers();
            for (const [name, value] of copy.headers) try { headers.append(name, value) } catch {}
            headers.set('x-url', encodeURIComponent(copy.url));
            const text = request.body === null ? '' : await request.text();
            return new Response(`${request.method} ${copy.url} ${text}`, { headers, cf: request.cf });
        } }",
    );
    let worker = RefCell::new((worker, 0 as InvocationId));
    fuzz::check(150, &heads(), |head| {
        let (worker, id) = &mut *worker.borrow_mut();
        *id += 1;
        let outbox = Arc::<Outbox>::default();
        let has_body = head.has_body;
        let start = Start {
            request: head,
            worker: None,
            failure_mode: None,
            request_id: "r".into(),
            cf: serde_json::Map::new(),
            reports: false,
        };
        let start = Message::Start { id: *id, start: Box::new(start), outbox: Arc::clone(&outbox) };
        assert!(matches!(worker.send(start), Health::Well));
        if has_body {
            for event in [Event::Chunk(Side::Request, "\u{fc}".into()), Event::End(Side::Request)] {
                assert!(matches!(worker.send(Message::Exchange { id: *id, event }), Health::Well));
            }
        }
        worker.effects.clear();
        let mut commands = Vec::new();
        outbox.drain(&mut commands);
        let answers: Vec<_> = commands
            .iter()
            .filter_map(|command| match command {
                Command::Respond(respond) => respond.head.as_ref(),
                _ => None,
            })
            .collect();
        let [head] = answers[..] else { panic!("{commands:?}") };
        for part in head.headers.iter().flat_map(|(name, value)| [name, value]) {
            assert!(!part.iter().any(|byte| b"\r\n\0".contains(byte)), "{head:?}");
        }
        assert_eq!(worker.instance.running(), 0);
    });
}

//! URLs (<https://url.spec.whatwg.org/>) by the `url` crate.
//!
//! A parsed URL lives in JavaScript as its serialization and the offsets of its parts, so nothing is
//! held here and getters need no call.

use std::borrow::Cow;

use url::{Position, Url, form_urlencoded, quirks};
use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::values;
use crate::limits::URL_TEXT_MAX;

/// Number of offsets that [`parse`] and [`set`] write. All index into the serialization, which is
/// ASCII, so bytes and code units are the same.
const OFFSETS: usize = 8;

/// `urlParse(url, base, offsets) → href`, or undefined for an invalid URL. `base` is a string or
/// undefined. Fills the `Uint32Array` `offsets` with the ends of scheme and user name, the start of
/// the host, and the ends of host, port, and the starts of path, `?` and `#` (the end of what comes
/// before, where there is none).
pub fn parse<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Ok(Some(url)) = parse_arguments(scope, &args) else { return };
    if !write_offsets(scope, &args, 2, &url) {
        return;
    }
    let input = Local::<v8::String>::try_from(args.get(0)).ok();
    if let Some(href) = href_string(scope, &url, input) {
        rv.set(href.into());
    }
}

/// `urlCanParse(url, base) → boolean`
pub fn can_parse<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Ok(url) = parse_arguments(scope, &args) else { return };
    rv.set_bool(url.is_some());
}

/// `urlSet(href, part, value, offsets) → href` after the setter of that part ran: see
/// [`set_part`]. Undefined when the setter left the URL as it was.
pub fn set<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(href) = values::string(scope, &args, 0) else { return };
    let Some(value) = values::string(scope, &args, 2) else { return };
    if value.length() > URL_TEXT_MAX {
        // As for any other value that a setter refuses.
        return;
    }
    let part = args.get(1).uint32_value(scope).unwrap_or(u32::MAX);
    let Some(mut url) = values::with_text(scope, href, |href| Url::parse(&href).ok()) else {
        return super::throw_type_error(scope, "Invalid URL");
    };
    values::with_text(scope, value, |value| set_part(&mut url, part, &value));
    let unchanged = values::with_text(scope, href, |href| href == url.as_str());
    if unchanged || !write_offsets(scope, &args, 3, &url) {
        return;
    }
    if let Some(href) = href_string(scope, &url, None) {
        rv.set(href.into());
    }
}

/// The numbers are those of `21_url.js`. A value that a setter refuses changes nothing, as the
/// standard says.
fn set_part(url: &mut Url, part: u32, value: &str) {
    let _: Result<(), ()> = match part {
        0 => quirks::set_protocol(url, value),
        1 => quirks::set_username(url, value),
        2 => quirks::set_password(url, value),
        3 => quirks::set_host(url, value),
        4 => quirks::set_hostname(url, value),
        // Tabs and newlines are no part of a value; with nothing else in it there is nothing to set.
        5 if !value.is_empty() && value.bytes().all(is_tab_or_newline) => Err(()),
        5 => quirks::set_port(url, value),
        6 => {
            quirks::set_pathname(url, value);
            encode_circumflex(url);
            Ok(())
        }
        7 => {
            quirks::set_search(url, value);
            Ok(())
        }
        8 => {
            quirks::set_hash(url, value);
            Ok(())
        }
        _ => Err(()),
    };
}

/// An exception is pending.
struct Thrown;

/// `None`: not a valid URL.
fn parse_arguments<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
) -> Result<Option<Url>, Thrown> {
    let input = values::string(scope, args, 0).ok_or(Thrown)?;
    if input.length() > URL_TEXT_MAX {
        return Ok(None);
    }
    let base = if args.get(1).is_undefined() {
        None
    } else {
        let base = values::string(scope, args, 1).ok_or(Thrown)?;
        if base.length() > URL_TEXT_MAX {
            return Ok(None);
        }
        match values::with_text(scope, base, |base| parse_text(&base, None)) {
            Some(base) => Some(base),
            None => return Ok(None),
        }
    };
    Ok(values::with_text(scope, input, |input| parse_text(&input, base.as_ref())))
}

/// Parses, with the standard's newer rules that the crate does not have.
pub(super) fn parse_text(input: &str, base: Option<&Url>) -> Option<Url> {
    let input = match base {
        Some(base) => ignore_slashes(input, base),
        None => Cow::Borrowed(input),
    };
    let mut url = Url::options().base_url(base).parse(&input).ok()?;
    encode_trailing_space(&mut url);
    encode_circumflex(&mut url);
    Some(url)
}

/// <https://url.spec.whatwg.org/#special-authority-ignore-slashes-state>: relative to a special URL
/// other than `file:`, slashes after the first two do not count.
fn ignore_slashes<'a>(input: &'a str, base: &Url) -> Cow<'a, str> {
    let is_slash = |c: char| c == '/' || c == '\\' || c == '\t' || c == '\n' || c == '\r';
    let text = input.trim_start_matches(|c: char| c <= ' ');
    let rest = text.trim_start_matches(is_slash);
    let slashes =
        text[..text.len() - rest.len()].bytes().filter(|b| !is_tab_or_newline(*b)).count();
    let special = matches!(base.scheme(), "http" | "https" | "ws" | "wss" | "ftp");
    if special && slashes > 2 { Cow::Owned(format!("//{rest}")) } else { Cow::Borrowed(input) }
}

/// <https://url.spec.whatwg.org/#cannot-be-a-base-url-path-state>: a space at the end of an opaque
/// path is encoded when a query or a fragment follows.
fn encode_trailing_space(url: &mut Url) {
    if !url.cannot_be_a_base() {
        return;
    }
    let (path, after) = url.as_str().split_at(url[..Position::AfterPath].len());
    if !after.is_empty()
        && let Some(path) = path.strip_suffix(' ')
        && let Ok(encoded) = Url::parse(&format!("{path}%20{after}"))
    {
        *url = encoded;
    }
}

/// <https://url.spec.whatwg.org/#path-percent-encode-set> has `^`.
fn encode_circumflex(url: &mut Url) {
    if url.cannot_be_a_base() || !url.path().contains('^') {
        return;
    }
    let before = &url[..Position::BeforePath];
    let after = &url[Position::AfterPath..];
    if let Ok(encoded) = Url::parse(&format!("{before}{}{after}", url.path().replace('^', "%5E"))) {
        *url = encoded;
    }
}

fn is_tab_or_newline(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The serialization as a string: `input` itself if that is what it says.
fn href_string<'s>(
    scope: &mut PinScope<'s, '_>,
    url: &Url,
    input: Option<Local<'s, v8::String>>,
) -> Option<Local<'s, v8::String>> {
    if let Some(input) = input
        && input.length() == url.as_str().len()
        && values::with_text(scope, input, |input| input == url.as_str())
    {
        return Some(input);
    }
    values::new_string(scope, url.as_str().as_bytes())
}

fn offsets(url: &Url) -> [u32; OFFSETS] {
    let before = |position| url[..position].len() as u32;
    [
        before(Position::AfterScheme),
        before(Position::AfterUsername),
        before(Position::BeforeHost),
        before(Position::AfterHost),
        before(Position::AfterPort),
        before(Position::BeforePath),
        before(Position::AfterPath),
        before(Position::AfterQuery),
    ]
}

/// False: an exception was thrown.
fn write_offsets<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
    index: i32,
    url: &Url,
) -> bool {
    let target = Local::<v8::Uint32Array>::try_from(args.get(index)).ok();
    let Some(target) = target.filter(|t| t.byte_length() == OFFSETS * size_of::<u32>()) else {
        super::throw_type_error(scope, "a Uint32Array for the offsets was expected");
        return false;
    };
    let data = target.data().cast::<u32>();
    for (i, offset) in offsets(url).into_iter().enumerate() {
        // SAFETY: the array has OFFSETS elements, its memory is aligned for them (V8 aligns typed
        // arrays to their element size) and stays allocated while the array is reachable.
        unsafe { data.add(i).write(offset) };
    }
    true
}

/// `formDecode(text) → string`: percent-decodes a name or value of
/// `application/x-www-form-urlencoded`, `+` being a space.
pub fn form_decode<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(text) = values::string(scope, &args, 0) else { return };
    let decoded = values::with_text(scope, text, |text| {
        // The parser would split at these; in a part that JavaScript split off there is none.
        if text.contains('&') {
            return None;
        }
        // As the name of a pair without a value, so that `=` needs no care: it is encoded first.
        let text = if text.contains('=') { Cow::Owned(text.replace('=', "%3D")) } else { text };
        let pair = form_urlencoded::parse(text.as_bytes()).next();
        Some(pair.map(|(name, _)| name.into_owned()).unwrap_or_default())
    });
    match decoded {
        None => super::throw_type_error(scope, "one name or value was expected"),
        Some(decoded) => {
            if let Some(string) = values::new_string(scope, decoded.as_bytes()) {
                rv.set(string.into());
            }
        }
    }
}

/// `formEncode(text) → string`: the reverse of [`form_decode`].
pub fn form_encode<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(text) = values::string(scope, &args, 0) else { return };
    let encoded: String = values::with_text(scope, text, |text| {
        form_urlencoded::byte_serialize(text.as_bytes()).collect()
    });
    if let Some(string) = values::new_string(scope, encoded.as_bytes()) {
        rv.set(string.into());
    }
}

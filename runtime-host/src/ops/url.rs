//! URLs (<https://url.spec.whatwg.org/>): those of the web's schemes by the `url` crate, others by
//! [`record`].
//!
//! A parsed URL lives in JavaScript as its serialization and the offsets of its parts, so nothing is
//! held here and getters need no call.

mod encode;
mod parsed;
mod record;
mod setters;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use url::{Position, Url, form_urlencoded, quirks};
use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use self::parsed::{OFFSETS, Parsed};
use self::record::{Record, split_scheme};
use super::values;
use crate::limits::URL_TEXT_MAX;

/// `urlParse(url, base, offsets) → href`, or undefined for an invalid URL. `base` is a string or
/// undefined. Fills the `Uint32Array` `offsets` with [`Parsed::offsets`].
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
    if let Some(href) = href_string(scope, &url.href, input) {
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
    let value = values::owned_text(scope, value);
    let url = values::with_text(scope, href, |href| set_text(&href, part, &value));
    let Some(url) = url else {
        return super::throw_type_error(scope, "Invalid URL");
    };
    let unchanged = values::with_text(scope, href, |href| href == url.href);
    if unchanged || !write_offsets(scope, &args, 3, &url) {
        return;
    }
    if let Some(href) = href_string(scope, &url.href, None) {
        rv.set(href.into());
    }
}

/// A serialized URL after a setter; `None` when it is none.
fn set_text(href: &str, part: u32, value: &str) -> Option<Parsed> {
    let (scheme, _) = split_scheme(href)?;
    if is_web(&scheme) {
        let mut url = Url::parse(href).ok()?;
        set_part(&mut url, part, value);
        Some(url.into())
    } else {
        let mut url = Record::parse(href, None).ok()?;
        set_record_part(&mut url, part, value);
        Some(Parsed::from(&url))
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

/// The same for other URLs.
fn set_record_part(url: &mut Record, part: u32, value: &str) {
    let plain = without_tabs_and_newlines(value);
    match part {
        0 => url.set_protocol(&plain),
        1 => url.set_username(value),
        2 => url.set_password(value),
        3 => url.set_host(&plain, true),
        4 => url.set_host(&plain, false),
        // Empty is what takes the port away, and only without any of these.
        5 if plain.is_empty() && !value.is_empty() => {}
        5 => url.set_port(&plain),
        6 => url.set_pathname(&plain),
        7 => url.set_search(&plain),
        8 => url.set_hash(&plain),
        _ => {}
    }
}

/// An exception is pending.
struct Thrown;

/// `None`: not a valid URL.
fn parse_arguments<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
) -> Result<Option<Parsed>, Thrown> {
    let input = values::string(scope, args, 0).ok_or(Thrown)?;
    if input.length() > URL_TEXT_MAX {
        return Ok(None);
    }
    if args.get(1).is_undefined() {
        return Ok(values::with_text(scope, input, |input| parse_text(&input, None)));
    }
    let base = values::string(scope, args, 1).ok_or(Thrown)?;
    if base.length() > URL_TEXT_MAX {
        return Ok(None);
    }
    let base = values::owned_text(scope, base);
    Ok(values::with_text(scope, input, |input| parse_text(&input, Some(&base))))
}

/// Whether the crate's rules for a scheme are those of the standard.
fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss" | "ftp")
}

/// A base URL.
enum Base {
    Web(Url),
    Other(Record),
}

impl Base {
    fn parse(text: &str) -> Option<Self> {
        let plain = trimmed(text);
        let (scheme, _) = split_scheme(&plain)?;
        if is_web(&scheme) {
            parse_web(text, None).map(Self::Web)
        } else {
            Record::parse(&plain, None).ok().map(Self::Other)
        }
    }
}

/// Parses; `None` when the URL or its base is none.
fn parse_text(input: &str, base: Option<&str>) -> Option<Parsed> {
    let plain = trimmed(input);
    let base = base.map(|base| Base::parse(base).ok_or(())).transpose().ok()?;
    let is_web = match (split_scheme(&plain), &base) {
        (Some((scheme, _)), _) => is_web(&scheme),
        (None, Some(base)) => matches!(base, Base::Web(_)),
        (None, None) => return None,
    };
    // One of the other kind is none that this one could be relative to.
    if is_web {
        let base = base.and_then(|base| if let Base::Web(url) = base { Some(url) } else { None });
        parse_web(input, base.as_ref()).map(Parsed::from)
    } else {
        let base = base.and_then(|base| if let Base::Other(url) = base { Some(url) } else { None });
        let url = Record::parse(&plain, base.as_ref()).ok()?;
        Some(Parsed::from(&url))
    }
}

/// The first steps of <https://url.spec.whatwg.org/#concept-basic-url-parser>.
fn trimmed(text: &str) -> Cow<'_, str> {
    without_tabs_and_newlines(text.trim_matches(|c: char| c <= ' '))
}

fn without_tabs_and_newlines(text: &str) -> Cow<'_, str> {
    if text.bytes().any(is_tab_or_newline) {
        Cow::Owned(text.replace(['\t', '\n', '\r'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Parses, with the standard's newer rules that the crate does not have.
pub(super) fn parse_web(input: &str, base: Option<&Url>) -> Option<Url> {
    let input = match base {
        Some(base) => ignore_slashes(input, base),
        None => Cow::Borrowed(input),
    };
    let mut url = Url::options().base_url(base).parse(&input).ok()?;
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
    if is_web(base.scheme()) && slashes > 2 {
        Cow::Owned(format!("//{rest}"))
    } else {
        Cow::Borrowed(input)
    }
}

/// <https://url.spec.whatwg.org/#path-percent-encode-set> has `^`.
fn encode_circumflex(url: &mut Url) {
    if !url.path().contains('^') {
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
    href: &str,
    input: Option<Local<'s, v8::String>>,
) -> Option<Local<'s, v8::String>> {
    if let Some(input) = input
        && input.length() == href.len()
        && values::with_text(scope, input, |input| input == href)
    {
        return Some(input);
    }
    values::new_string(scope, href.as_bytes())
}

/// False: an exception was thrown.
fn write_offsets<'s>(
    scope: &mut PinScope<'s, '_>,
    args: &FunctionCallbackArguments<'s>,
    index: i32,
    url: &Parsed,
) -> bool {
    let target = Local::<v8::Uint32Array>::try_from(args.get(index)).ok();
    let Some(target) = target.filter(|t| t.byte_length() == OFFSETS * size_of::<u32>()) else {
        super::throw_type_error(scope, "a Uint32Array for the offsets was expected");
        return false;
    };
    let data = target.data().cast::<u32>();
    for (i, offset) in url.offsets.into_iter().enumerate() {
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

//! URL patterns (<https://urlpattern.spec.whatwg.org/>) by the `urlpattern` crate: it makes regular
//! expressions of patterns and components of inputs. JavaScript matches one with the other, by V8's
//! own regular expressions, as the standard says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use urlpattern::quirks::{self, EcmaRegexp, MatchInput};
use urlpattern::regexp::RegExp;
use urlpattern::{
    RegexSyntax, UrlPattern, UrlPatternInit, UrlPatternMatchInput, UrlPatternOptions,
};
use v8::{FunctionCallbackArguments, Local, PinScope, ReturnValue};

use super::{throw_type_error, url, values};
use crate::limits::{URL_PATTERN_TEXT_MAX, URL_TEXT_MAX};

/// Members of `URLPatternInit` in the order of `26_url_pattern.js`; the last is `baseURL`.
const MEMBERS: usize = 9;
const BASE: usize = 8;

/// A component's regular expression as its source: V8 is who compiles it.
///
/// The one that the crate itself has to match is that of the protocol, to find out whether the pattern
/// is for special schemes, which have other rules for paths. The `regex` crate does that, and where its
/// syntax is another the pattern is for none.
struct Source(EcmaRegexp);

impl RegExp for Source {
    fn syntax() -> RegexSyntax {
        RegexSyntax::EcmaScript
    }

    fn parse(pattern: &str, flags: &str, _force_eval: bool) -> Result<Self, ()> {
        EcmaRegexp::parse(pattern, flags, false).map(Self)
    }

    fn matches<'a>(&self, text: &'a str) -> Option<Vec<Option<&'a str>>> {
        self.0.matches(text)
    }

    fn pattern_string(&self) -> &str {
        self.0.pattern_string()
    }
}

/// `urlPatternParse(text, base, members, ignoreCase) → Array`: of `text` (a string, with `base`, a
/// string or undefined) or else of `members` (an Array of strings or undefined). The result is, for each
/// component in the order of the members, its pattern, the source of its regular expression and the
/// names of its groups, joined by commas; then whether there are groups with expressions of their own.
/// Throws a `TypeError` for what is no pattern.
pub fn parse<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(input) = Input::read(scope, &args, URL_PATTERN_TEXT_MAX) else {
        return throw_type_error(scope, "Invalid URL pattern: it is too long.");
    };
    let ignore_case = args.get(3).is_true();
    // What the crate takes for impossible would otherwise end the process.
    let parsed = catch_unwind(AssertUnwindSafe(|| compile(input, ignore_case)));
    let pattern = match parsed {
        Ok(Ok(pattern)) => pattern,
        Ok(Err(text)) => return throw_type_error(scope, &format!("Invalid URL pattern: {text}.")),
        Err(_) => return throw_type_error(scope, "Invalid URL pattern."),
    };
    let components = [
        &pattern.protocol,
        &pattern.username,
        &pattern.password,
        &pattern.hostname,
        &pattern.port,
        &pattern.pathname,
        &pattern.search,
        &pattern.hash,
    ];
    let mut elements = Vec::with_capacity(components.len() * 3 + 1);
    for component in components {
        let source = component.regexp.as_ref().map_or("", |source| source.pattern_string());
        let names = component.group_name_list.join(",");
        for text in [component.pattern_string.as_str(), source, &names] {
            let Some(string) = values::new_string(scope, text.as_bytes()) else { return };
            elements.push(string.into());
        }
    }
    elements.push(v8::Boolean::new(scope, pattern.has_regexp_groups()).into());
    rv.set(v8::Array::new_with_elements(scope, &elements).into());
}

/// `urlPatternInput(text, base, members) → Array | undefined`: what a pattern's components are matched
/// against, in the order of the members; undefined for what is no URL.
pub fn input<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Some(input) = Input::read(scope, &args, URL_TEXT_MAX) else { return };
    let Ok(Some(parts)) = catch_unwind(AssertUnwindSafe(|| components(input))) else { return };
    let texts = [
        parts.protocol,
        parts.username,
        parts.password,
        parts.hostname,
        parts.port,
        parts.pathname,
        parts.search,
        parts.hash,
    ];
    let mut elements = Vec::with_capacity(texts.len());
    for text in texts {
        let Some(string) = values::new_string(scope, text.as_bytes()) else { return };
        elements.push(string.into());
    }
    rv.set(v8::Array::new_with_elements(scope, &elements).into());
}

/// What a constructor or a match is given.
struct Input {
    text: Option<String>,
    base: Option<String>,
    members: [Option<String>; MEMBERS],
}

impl Input {
    /// `None` when it has more than `most` code units.
    fn read<'s>(
        scope: &mut PinScope<'s, '_>,
        args: &FunctionCallbackArguments<'s>,
        most: usize,
    ) -> Option<Self> {
        let mut left = most;
        let mut text = |scope: &mut PinScope<'s, '_>, value: Local<'s, v8::Value>| {
            let Ok(string) = Local::<v8::String>::try_from(value) else { return Some(None) };
            left = left.checked_sub(string.length())?;
            Some(Some(values::owned_text(scope, string)))
        };
        let mut input = Self {
            text: text(scope, args.get(0))?,
            base: text(scope, args.get(1))?,
            members: Default::default(),
        };
        if let Ok(members) = Local::<v8::Array>::try_from(args.get(2)) {
            for (index, member) in (0..).zip(&mut input.members) {
                if let Some(value) = members.get_index(scope, index) {
                    *member = text(scope, value)?;
                }
            }
        }
        Some(input)
    }

    /// `Err`: the base is no URL.
    fn into_init(mut self) -> Result<UrlPatternInit, String> {
        let base_url = match self.members[BASE].take() {
            Some(base) => Some(url::parse_web(&base, None).ok_or("the base URL is invalid")?),
            None => None,
        };
        let [protocol, username, password, hostname, port, pathname, search, hash, _] =
            self.members;
        Ok(UrlPatternInit {
            protocol,
            username,
            password,
            hostname,
            port,
            pathname,
            search,
            hash,
            base_url,
        })
    }
}

fn compile(input: Input, ignore_case: bool) -> Result<UrlPattern<Source>, String> {
    let init = match &input.text {
        Some(text) => {
            let base = match &input.base {
                Some(base) => Some(url::parse_web(base, None).ok_or("the base URL is invalid")?),
                None => None,
            };
            UrlPatternInit::parse_constructor_string::<Source>(text, base)
                .map_err(|error| error.to_string())?
        }
        None => input.into_init()?,
    };
    let options = UrlPatternOptions { regex_syntax: RegexSyntax::EcmaScript, ignore_case };
    UrlPattern::parse(init, options).map_err(|error| error.to_string())
}

fn components(input: Input) -> Option<MatchInput> {
    let matched = match &input.text {
        Some(text) => {
            let base = match &input.base {
                Some(base) => Some(url::parse_web(base, None)?),
                None => None,
            };
            UrlPatternMatchInput::Url(url::parse_web(text, base.as_ref())?)
        }
        None => UrlPatternMatchInput::Init(input.into_init().ok()?),
    };
    quirks::parse_match_input(matched)
}

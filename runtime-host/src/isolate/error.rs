//! Turning a JavaScript exception into text for the log.

use v8::{Local, PinScope};

use crate::limits::LOG_TEXT_MAX;
use crate::worker::Bundle;

/// An exception as its author should see it: the stack with positions in the files they wrote, or
/// the message with file, line and column where there is no stack (a syntax error).
pub fn describe(
    scope: &mut PinScope<'_, '_>,
    bundle: &Bundle,
    exception: Local<'_, v8::Value>,
) -> String {
    v8::tc_scope!(let scope, scope);
    let message = v8::Exception::create_message(scope, exception);
    let place = place(scope, bundle, message);
    let stack = stack(scope, exception).filter(|stack| !stack.is_empty());
    let text = stack.unwrap_or_else(|| match exception.to_string(scope) {
        Some(text) => bounded(scope, text),
        None => String::new(),
    });
    let text = map_positions(bundle, &text);
    match place {
        Some(place) if !text.contains("\n    at ") => format!("{place}: {text}"),
        _ => text,
    }
}

/// The text of a string for people, cut off at [`LOG_TEXT_MAX`]: a Worker can make strings of half
/// a gigabyte at no cost, which a copy would not share.
pub fn bounded(scope: &PinScope<'_, '_>, string: Local<'_, v8::String>) -> String {
    if string.length() <= LOG_TEXT_MAX {
        return string.to_rust_string_lossy(scope);
    }
    let mut units = vec![0_u16; LOG_TEXT_MAX];
    string.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    let mut text = String::from_utf16_lossy(&units);
    text.push_str(" … (cut off)");
    text
}

fn stack(scope: &mut PinScope<'_, '_>, exception: Local<'_, v8::Value>) -> Option<String> {
    let object = Local::<v8::Object>::try_from(exception).ok().filter(|o| !o.is_proxy())?;
    let key = v8::String::new(scope, "stack")?;
    let stack = object.get(scope, key.into())?;
    let stack = Local::<v8::String>::try_from(stack).ok()?;
    Some(bounded(scope, stack))
}

fn place(
    scope: &mut PinScope<'_, '_>,
    bundle: &Bundle,
    message: Local<'_, v8::Message>,
) -> Option<String> {
    let name = message.get_script_resource_name(scope)?.to_rust_string_lossy(scope);
    bundle.module(&name)?;
    let line = u32::try_from(message.get_line_number(scope)?).ok()?;
    let column = u32::try_from(message.get_start_column()).ok()? + 1;
    let at = bundle.position(&name, line, column);
    Some(format!("{}:{}:{}", at.file, at.line, at.column))
}

/// Rewrites `specifier:line:column` of modules that have a source map, and leaves out the lines of
/// the host's own files. Only stack lines are looked at, so that a message that happens to hold
/// such text stays as it is.
pub fn map_positions(bundle: &Bundle, stack: &str) -> String {
    let mapped: Vec<String> = stack
        .split('\n')
        .filter(|line| !is_of_the_host(line))
        .map(|line| if is_of_a_stack(line) { map_line(bundle, line) } else { line.to_owned() })
        .collect();
    mapped.join("\n")
}

/// A stack line, indented further where the error is part of another value that `console` shows.
fn is_of_a_stack(line: &str) -> bool {
    line.starts_with("    ") && line.trim_start().starts_with("at ")
}

/// A stack line whose place is a file of the snapshot: `    at start (nano:90_dispatch.js:81:14)`.
fn is_of_the_host(line: &str) -> bool {
    is_of_a_stack(line)
        .then_some(line)
        .and_then(|line| line.rsplit([' ', '(']).next())
        .is_some_and(|place| place.starts_with("nano:"))
}

fn map_line(bundle: &Bundle, line: &str) -> String {
    // What stands after the place belongs to a value that holds the error.
    let end = line.trim_end_matches([')', ',', '{', ' ']).len();
    let Some((before, column)) = line[..end].rsplit_once(':') else { return line.to_owned() };
    let Some((before, row)) = before.rsplit_once(':') else { return line.to_owned() };
    let (Ok(row), Ok(column)) = (row.parse(), column.parse()) else { return line.to_owned() };
    let start = before.rfind([' ', '(']).map_or(0, |at| at + 1);
    let specifier = &before[start..];
    if bundle.module(specifier).is_none() {
        return line.to_owned();
    }
    let at = bundle.position(specifier, row, column);
    format!("{}{}:{}:{}{}", &before[..start], at.file, at.line, at.column, &line[end..])
}

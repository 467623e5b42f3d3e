//! JSON as YAML that people can read: blocks, and quotes only where a text needs them.

use serde_json::{Map, Value};

/// The document, with a line break at its end.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => object(&mut text, map, 0, ""),
        Value::Array(items) if !items.is_empty() => array(&mut text, items, 0),
        other => {
            text.push_str(&flow(other));
            text.push('\n');
        }
    }
    text
}

/// The keys of an object; `first` stands before the first one in place of the indent.
fn object(text: &mut String, map: &Map<String, Value>, indent: usize, first: &str) {
    for (at, (key, value)) in map.iter().enumerate() {
        if at == 0 && !first.is_empty() {
            text.push_str(first);
        } else {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str(&scalar(key));
        text.push(':');
        below(text, value, indent + 2);
    }
}

fn array(text: &mut String, items: &[Value], indent: usize) {
    for item in items {
        let dash = format!("{}-", " ".repeat(indent));
        match item {
            Value::Object(map) if !map.is_empty() => {
                object(text, map, indent + 2, &format!("{dash} "));
            }
            _ => {
                text.push_str(&dash);
                below(text, item, indent + 2);
            }
        }
    }
}

/// What follows a colon or a dash: on the same line, or below it.
fn below(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            object(text, map, indent, "");
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            array(text, items, indent);
        }
        Value::String(lines) if is_block(lines) => {
            text.push_str(" |\n");
            for line in lines.lines() {
                let indent = if line.is_empty() { 0 } else { indent };
                text.push_str(&" ".repeat(indent));
                text.push_str(line);
                text.push('\n');
            }
        }
        other => {
            text.push(' ');
            text.push_str(&flow(other));
            text.push('\n');
        }
    }
}

/// Whether a text can stand as lines of its own: it ends with one line break, and its first line does
/// not begin with a space, from which the indent would be guessed.
fn is_block(text: &str) -> bool {
    let one_end = text.ends_with('\n') && !text.ends_with("\n\n");
    one_end
        && text.lines().count() > 1
        && !text.starts_with([' ', '\n'])
        && text.chars().all(|c| c == '\n' || !c.is_control())
}

/// What fits on the line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(string) => scalar(string),
        other => other.to_string(),
    }
}

/// A text as YAML would read it back: plain only where nothing about it is special.
fn scalar(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./@".contains(&byte);
    // A number, a boolean, null, or the names that older YAML takes for such.
    let word = !matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    if begins && word && text.bytes().all(plain) {
        return text.to_owned();
    }
    // JSON's strings are YAML's double-quoted ones.
    Value::from(text).to_string()
}

//! A configuration file as a tree whose every key and value knows its place, whether it was
//! written in TOML or in JSON with comments.

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, SourceText};
use crate::limits::DIAGNOSTICS_MAX;

/// A value and the bytes of the file that hold it.
#[derive(Clone, Debug)]
pub struct Node {
    pub start: usize,
    pub end: usize,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// Also a date of TOML.
    String(String),
    Array(Vec<Node>),
    Table(Table),
}

/// In the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Table(pub Vec<Entry>);

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_start: usize,
    pub key_end: usize,
    pub node: Node,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }
}

impl Node {
    /// The kind of value, with its article.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }

    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Integer(value) => Json::from(*value),
            Value::Float(value) => Json::from(*value),
            Value::String(value) => Json::String(value.clone()),
            Value::Array(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(table) => table
                .0
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Reads TOML 1.1.
pub fn parse_toml(source: SourceText<'_>) -> Result<Table, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    if errors.is_empty() {
        return match from_toml(table.span(), DeValue::Table(table.into_inner())) {
            Node { value: Value::Table(table), .. } => Ok(table),
            _ => Ok(Table::default()),
        };
    }
    Err(errors
        .into_iter()
        .take(DIAGNOSTICS_MAX)
        .map(|error| {
            let span = error.span().unwrap_or(0..0);
            source.error(span.start, span.end, format!("not valid TOML: {}", error.message()))
        })
        .collect())
}

fn from_toml(span: std::ops::Range<usize>, value: DeValue<'_>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| Value::Float(f64::INFINITY), Value::Integer),
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(items) => Value::Array(
            items.into_iter().map(|item| from_toml(item.span(), item.into_inner())).collect(),
        ),
        DeValue::Table(table) => {
            let mut entries: Vec<Entry> = table
                .into_iter()
                .map(|(key, value)| Entry {
                    key_start: key.span().start,
                    key_end: key.span().end,
                    key: key.into_inner().into_owned(),
                    node: from_toml(value.span(), value.into_inner()),
                })
                .collect();
            entries.sort_by_key(|entry| entry.key_start);
            Value::Table(Table(entries))
        }
    };
    Node { start: span.start, end: span.end, value }
}

/// Reads JSON with comments and trailing commas, as wrangler does.
pub fn parse_jsonc(source: SourceText<'_>) -> Result<Table, Vec<Diagnostic>> {
    let options = jsonc_parser::ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed =
        jsonc_parser::parse_to_ast(source.text, &jsonc_parser::CollectOptions::default(), &options)
            .map_err(|error| {
                let range = error.range();
                let message = format!("not valid JSON: {}", error.kind());
                vec![source.error(range.start, range.end, message)]
            })?;
    match parsed.value.map(|value| from_jsonc(&value)) {
        Some(Node { value: Value::Table(table), .. }) => Ok(table),
        Some(node) => {
            let message = format!("expected an object at the top, found {}", node.kind());
            Err(vec![source.error(node.start, node.end, message)])
        }
        None => Ok(Table::default()),
    }
}

fn from_jsonc(value: &jsonc_parser::ast::Value<'_>) -> Node {
    use jsonc_parser::ast::Value as Ast;
    use jsonc_parser::common::Ranged;

    let range = value.range();
    let value = match value {
        Ast::NullKeyword(_) => Value::Null,
        Ast::BooleanLit(lit) => Value::Bool(lit.value),
        Ast::NumberLit(lit) => match lit.value.parse() {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Float(lit.value.parse().unwrap_or(f64::NAN)),
        },
        Ast::StringLit(lit) => Value::String(lit.value.clone().into_owned()),
        Ast::Array(array) => Value::Array(array.elements.iter().map(from_jsonc).collect()),
        Ast::Object(object) => Value::Table(Table(
            object
                .properties
                .iter()
                .map(|property| {
                    let name = property.name.range();
                    Entry {
                        key: property.name.as_str().to_owned(),
                        key_start: name.start,
                        key_end: name.end,
                        node: from_jsonc(&property.value),
                    }
                })
                .collect(),
        )),
    };
    Node { start: range.start, end: range.end, value }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn json(table: &Table) -> Json {
        Node { start: 0, end: 0, value: Value::Table(table.clone()) }.to_json()
    }

    #[test]
    fn toml_and_jsonc_become_the_same_tree() {
        let toml = "b = 1\na = [true, -2.5, \"x\"]\nd = 2024-05-06\n[t.u]\nv = 0x10\n";
        let jsonc = r#"{ // comment
            "b": 1, "a": [true, -2.5, "x"], "d": "2024-05-06", "t": { "u": { "v": 16, }, } }"#;
        let toml = parse_toml(SourceText { file: Path::new("a.toml"), text: toml }).unwrap();
        let jsonc = parse_jsonc(SourceText { file: Path::new("a.jsonc"), text: jsonc }).unwrap();
        assert_eq!(json(&toml), json(&jsonc));
        assert_eq!(toml.0[0].key, "b");
        assert_eq!(toml.get("a").unwrap().node.start, 10);
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = |result: Result<Table, Vec<Diagnostic>>| result.unwrap_err()[0].to_string();
        let text = "a = 1\nb = = 2\n";
        let toml = error(parse_toml(SourceText { file: Path::new("a.toml"), text }));
        assert!(toml.starts_with("a.toml:2:5: error: not valid TOML: "), "{toml}");
        let text = "{\n  \"a\": 1\n  \"b\": 2 }";
        let json = error(parse_jsonc(SourceText { file: Path::new("a.json"), text }));
        assert!(json.starts_with("a.json:2:"), "{json}");
        let text = "[1]";
        let json = error(parse_jsonc(SourceText { file: Path::new("a.json"), text }));
        assert!(json.contains("expected an object at the top, found an array"), "{json}");
        let text = "x = 1\nx = 2";
        let toml = error(parse_toml(SourceText { file: Path::new("a.toml"), text }));
        assert!(toml.contains("a.toml:2:1"), "{toml}");
        // Nesting is bounded by both parsers: no file overflows the stack.
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(parse_toml(SourceText { file: Path::new("a.toml"), text: &deep }).is_err());
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(parse_jsonc(SourceText { file: Path::new("a.json"), text: &deep }).is_err());
    }
}

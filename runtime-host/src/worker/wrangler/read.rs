//! From the text of a wrangler file to [`Wrangler`].

use nano_routing::Pattern;

use super::Wrangler;
use super::keys::take_known;
use crate::config::document::{Entry, Node, Table, Value, parse_jsonc, parse_toml};
use crate::config::reader::{Reader, Section, Unknown};
use crate::diagnostic::{Diagnostic, SourceText};
use crate::limits::CPU_MAX_MS;
use crate::worker::rules::{Rule, RuleKind};

/// Reads a wrangler file. `environment` chooses one of its `[env.NAME]` sections; a file without
/// that section counts as it is. The diagnostics may be warnings only, then there is a result.
pub fn read(
    source: SourceText<'_>,
    environment: Option<&str>,
) -> (Option<Wrangler>, Vec<Diagnostic>) {
    let is_toml = source.file.extension().is_some_and(|extension| extension == "toml");
    let parsed = if is_toml { parse_toml(source) } else { parse_jsonc(source) };
    let table = match parsed {
        Ok(table) => table,
        Err(diagnostics) => return (None, diagnostics),
    };
    let reader = Reader::new(source);
    let wrangler = read_table(&reader, &table, environment);
    let diagnostics = reader.into_diagnostics();
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    (wrangler.filter(|_| !failed), diagnostics)
}

fn read_table(reader: &Reader<'_>, table: &Table, environment: Option<&str>) -> Option<Wrangler> {
    let top = reader.section("", table);
    let environments = top.table("env");
    let mut wrangler = Wrangler::default();
    read_common(reader, &top, &mut wrangler);
    let mut chosen = None;
    for entry in environments.iter().flat_map(Section::entries) {
        if Some(entry.key.as_str()) == environment {
            chosen = Some(entry);
        } else if !matches!(entry.node.value, Value::Table(_)) {
            reader.error(&entry.node, format!("`env.{}` must be a table", entry.key));
        }
    }
    if let Some(section) = chosen.and_then(|entry| environments.as_ref()?.subsection(entry)) {
        // wrangler does not let environments inherit variables and bindings.
        wrangler.vars.clear();
        wrangler.var_spans.clear();
        read_common(reader, &section, &mut wrangler);
        take_known(reader, &section);
        section.finish(Unknown::Warning);
    }
    take_known(reader, &top);
    top.finish(Unknown::Warning);
    if wrangler.main.is_empty() {
        reader.push(
            Diagnostic::error(reader.source.file, "`main` is missing: the Worker's entry file")
                .with_help(if reader.source.file.extension().is_some_and(|e| e == "toml") {
                    "write main = \"src/index.js\""
                } else {
                    "write \"main\": \"src/index.js\""
                }),
        );
        return None;
    }
    Some(wrangler)
}

/// The keys that may stand at the top and in an environment.
fn read_common(reader: &Reader<'_>, section: &Section<'_>, wrangler: &mut Wrangler) {
    if let Some(name) = section.string("name", "\"my-worker\"") {
        match (is_name(name), section.node("name")) {
            (true, _) => wrangler.name = Some(name.to_owned()),
            (false, Some(node)) => reader.error(
                node,
                format!("`name` can't be \"{name}\": use up to 63 letters, digits, - and _"),
            ),
            (false, None) => {}
        }
    }
    if let Some(main) = section.string("main", "\"src/index.js\"") {
        main.clone_into(&mut wrangler.main);
        wrangler.main_span = section.node("main").map_or((0, 0), |node| (node.start, node.end));
    }
    read_compatibility(reader, section, wrangler);
    if let Some(vars) = section.table("vars") {
        for var in vars.entries() {
            wrangler.vars.insert(var.key.clone(), var.node.to_json());
            wrangler.var_spans.push((var.key.clone(), (var.key_start, var.key_end)));
        }
    }
    read_routes(reader, section, wrangler);
    if let Some(entry) = section.entry("rules") {
        wrangler.rules = read_rules(reader, entry);
    }
    let no_bundle = section.boolean("no_bundle");
    if let Some(find) = section.boolean("find_additional_modules").or(no_bundle) {
        wrangler.find_additional_modules = find;
    }
    if let Some(base) = section.string("base_dir", "\"src\"") {
        wrangler.base_dir = Some(base.to_owned());
    }
    if let Some(limits) = section.table("limits") {
        wrangler.cpu_ms = limits.integer("cpu_ms", 1, CPU_MAX_MS);
        wrangler.subrequests = limits
            .integer("subrequests", 0, u64::from(u32::MAX))
            .and_then(|count| u32::try_from(count).ok());
        limits.finish(Unknown::Warning);
    }
}

fn read_compatibility(reader: &Reader<'_>, section: &Section<'_>, wrangler: &mut Wrangler) {
    if let Some(date) = section.string("compatibility_date", "\"2026-08-01\"") {
        match (is_date(date), section.node("compatibility_date")) {
            (true, _) => wrangler.compatibility_date = Some(date.to_owned()),
            (false, Some(node)) => reader.error(
                node,
                format!("`compatibility_date` can't be \"{date}\": write it as YYYY-MM-DD"),
            ),
            (false, None) => {}
        }
    }
    if let Some(flags) = section.strings("compatibility_flags", "[\"nodejs_compat\"]") {
        wrangler.compatibility_flags = flags.into_iter().map(|(_, flag)| flag.to_owned()).collect();
    }
}

/// Names as wrangler accepts them.
pub fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u32>().ok())
            .flatten()
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

fn read_routes(reader: &Reader<'_>, section: &Section<'_>, wrangler: &mut Wrangler) {
    let (one, many) = (section.node("route"), section.node("routes"));
    if one.is_none() && many.is_none() {
        return;
    }
    let listed = match many.map(|node| (node, &node.value)) {
        Some((_, Value::Array(items))) => items.iter().collect(),
        Some((node, _)) => {
            reader.error(node, "`routes` must be an array, like [\"example.com/*\"]");
            Vec::new()
        }
        None => Vec::new(),
    };
    wrangler.routes =
        one.into_iter().chain(listed).filter_map(|node| read_route(reader, node)).collect();
}

fn read_route(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let (place, pattern) = match &node.value {
        Value::String(pattern) => (node, pattern.clone()),
        Value::Table(table) => route_of_table(table).or_else(|| {
            reader.error(node, "a route needs a pattern, like { pattern = \"example.com/*\" }");
            None
        })?,
        _ => {
            reader.error(node, format!("a route can't be {}: write a string", node.kind()));
            return None;
        }
    };
    match Pattern::parse(&pattern) {
        Ok(_) => Some(pattern),
        Err(why) => {
            reader.error(place, format!("the route pattern \"{pattern}\" {why}"));
            None
        }
    }
}

/// The pattern of a route that is written as a table, and its place.
fn route_of_table(table: &Table) -> Option<(&Node, String)> {
    let place = &table.get("pattern")?.node;
    let Value::String(pattern) = &place.value else { return None };
    let domain = table.get("custom_domain").map(|entry| &entry.node.value);
    let whole_host = matches!(domain, Some(Value::Bool(true)));
    Some((place, if whole_host { format!("{pattern}/*") } else { pattern.clone() }))
}

const RULE_KINDS: &[(&str, RuleKind)] = &[
    ("ESModule", RuleKind::EsModule),
    ("CommonJS", RuleKind::CommonJs),
    ("CompiledWasm", RuleKind::CompiledWasm),
    ("Text", RuleKind::Text),
    ("Data", RuleKind::Data),
    ("PythonModule", RuleKind::Python),
    ("PythonRequirement", RuleKind::Python),
];

fn read_rules(reader: &Reader<'_>, entry: &Entry) -> Vec<Rule> {
    let Value::Array(items) = &entry.node.value else {
        reader.error(&entry.node, "`rules` must be an array of tables, in TOML [[rules]]");
        return Vec::new();
    };
    items.iter().filter_map(|item| read_rule(reader, item)).collect()
}

fn read_rule(reader: &Reader<'_>, item: &Node) -> Option<Rule> {
    let Value::Table(table) = &item.value else {
        reader.error(item, format!("a rule can't be {}: it is a table", item.kind()));
        return None;
    };
    let section = reader.section("rules", table);
    let kind = section.choice("type", RULE_KINDS);
    let globs = section.strings("globs", "[\"**/*.txt\"]").unwrap_or_default();
    let fallthrough = section.boolean("fallthrough").unwrap_or(false);
    section.finish(Unknown::Warning);
    let mut patterns = Vec::with_capacity(globs.len());
    for (node, glob) in globs {
        match Rule::matcher(glob) {
            Ok(matcher) => patterns.push(matcher),
            Err(error) => reader.error(node, format!("the glob \"{glob}\" is not valid: {error}")),
        }
    }
    if patterns.is_empty() {
        reader.error(item, "a rule needs `type` and `globs`, like globs = [\"**/*.txt\"]");
    }
    Some(Rule { kind: kind?, globs: patterns, fallthrough })
}

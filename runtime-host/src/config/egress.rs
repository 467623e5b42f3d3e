//! `[egress]` and `[worker.NAME.egress]`.

use super::reader::{Reader, Section, Unknown};
use crate::egress::{self, Rule, loops};

pub(super) fn read_egress(reader: &Reader<'_>, section: Section<'_>) -> egress::Section {
    let read = egress::Section {
        allow: read_rules(reader, &section, "allow"),
        deny: read_rules(reader, &section, "deny"),
        private: section.boolean("private"),
        public: section.boolean("public"),
        max_depth: section
            .integer("max_depth", 0, loops::DEPTH_MAX)
            .and_then(|depth| u32::try_from(depth).ok()),
    };
    section.finish(Unknown::Error);
    read
}

fn read_rules(reader: &Reader<'_>, section: &Section<'_>, key: &'static str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (node, text) in section.strings(key, "[\"10.0.0.0/8\"]").unwrap_or_default() {
        match text.parse() {
            Ok(rule) => rules.push(rule),
            Err(why) => reader.error(node, format!("`{key}` can't have {why}")),
        }
    }
    rules
}

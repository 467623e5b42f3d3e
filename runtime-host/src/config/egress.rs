//! `[egress]` and `[worker.NAME.egress]`.

use super::reader::{Reader, Section, Unknown};
use crate::egress::{self, Rule, loops};

pub(super) fn read_egress(reader: &Reader<'_>, section: Section<'_>) -> egress::Section {
    let count =
        |key, most| section.integer(key, 0, most).and_then(|number| u32::try_from(number).ok());
    let read = egress::Section {
        allow: read_rules(reader, &section, "allow"),
        deny: read_rules(reader, &section, "deny"),
        private: section.boolean("private"),
        public: section.boolean("public"),
        max_depth: count("max_depth", loops::DEPTH_MAX),
        max_branches: count("max_branches", loops::BRANCHES_MAX),
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

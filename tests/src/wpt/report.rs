//! What a run found: a line for each change, a table of directories, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::expectations::{Change, FileRecord};
use super::file::row;
use super::outcome::{OK, Outcome, PASS};
use super::reasons::Reasons;

/// A file and what became of it.
#[derive(Clone, Debug)]
pub struct FileResult {
    pub name: String,
    pub outcome: Outcome,
    /// Where it differs from the expectations.
    pub changes: Vec<Change>,
    /// It differed when others ran beside it, and did not alone.
    pub wavered: bool,
}

/// Messages are cut to so many characters where they are printed.
const MESSAGE_MAX: usize = 240;

impl FileResult {
    /// For people: a head, and a line for each change.
    pub fn changes_text(&self) -> String {
        let mut text = self.head();
        for Change { subtest, was, is, message } in &self.changes {
            let name = subtest.as_deref().unwrap_or("(the file)");
            let _ =
                write!(text, "\n    {was} -> {is}  {}{}", short(name), after(message.as_deref()));
        }
        text
    }

    /// The same for all that did not pass.
    pub fn failures_text(&self) -> String {
        let mut text = self.head();
        if self.outcome.harness != OK {
            text += &after(self.outcome.message.as_deref());
        }
        for subtest in self.outcome.failures() {
            let message = after(subtest.message.as_deref());
            let _ = write!(text, "\n    {}  {}{message}", subtest.status, short(&subtest.name));
        }
        text
    }

    fn head(&self) -> String {
        let Outcome { harness, subtests, took, .. } = &self.outcome;
        let (passed, all) = (self.outcome.passed(), subtests.len());
        format!("{harness} {passed}/{all} {} ({} ms)", self.name, took.as_millis())
    }
}

fn after(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!("  | {}", short(message)))
}

fn short(text: &str) -> String {
    let line = text.replace('\n', " ");
    match line.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Some subtests.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    passed: usize,
    total: usize,
}

impl Part {
    fn text(self) -> String {
        let Self { passed, total } = self;
        let percent = if total == 0 { 0.0 } else { 100.0 * passed as f64 / total as f64 };
        let part = format!("{passed}/{total}");
        format!("{part:>15}  {percent:>6.2} %")
    }
}

/// Sums of some files: all of their subtests, and those that are not about CORS and credentials.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    files: usize,
    all: Part,
    servers: Part,
}

impl Sum {
    fn add(&mut self, file: &str, outcome: &Outcome, rules: &Reasons) {
        self.files += 1;
        for subtest in &outcome.subtests {
            let passed = usize::from(subtest.status == PASS);
            self.all.total += 1;
            self.all.passed += passed;
            if !rules.is_cors(file, &subtest.name) {
                self.servers.total += 1;
                self.servers.passed += passed;
            }
        }
    }

    /// The second figure only where it is another.
    fn line(self, name: &str) -> String {
        let second = if self.servers.total == self.all.total || self.servers.total == 0 {
            String::new()
        } else {
            self.servers.text()
        };
        let line = format!("{name:<40}{:>6}  {}  {second}", self.files, self.all.text());
        format!("{}\n", line.trim_end())
    }

    fn json(self) -> Value {
        let Self { files, all, servers } = self;
        json!({
            "passed": all.passed, "total": all.total, "files": files,
            "without_cors": { "passed": servers.passed, "total": servers.total },
        })
    }
}

/// A whole run.
#[derive(Debug)]
pub struct Report {
    pub results: Vec<FileResult>,
    pub took: Duration,
    /// They tell which subtests are about CORS.
    rules: Reasons,
    /// How many expected failures have which reason.
    pub reasons: BTreeMap<String, usize>,
    /// Files on record that are not in the tree.
    pub gone: usize,
}

impl Report {
    pub fn new(results: Vec<FileResult>, took: Duration, rules: Reasons) -> Self {
        Self { results, took, rules, reasons: BTreeMap::new(), gone: 0 }
    }

    /// Adds the reasons of a file.
    pub fn count(&mut self, record: &FileRecord) {
        for failure in record.harness.iter().chain(record.failures.values()) {
            *self.reasons.entry(failure.1.clone()).or_default() += 1;
        }
    }

    /// Statuses that are not what is on record.
    pub fn changes(&self) -> usize {
        self.gone + self.results.iter().map(|result| result.changes.len()).sum::<usize>()
    }

    fn sums(&self) -> (BTreeMap<String, Sum>, Sum) {
        let mut rows: BTreeMap<String, Sum> = BTreeMap::new();
        let mut all = Sum::default();
        for FileResult { name, outcome, .. } in &self.results {
            rows.entry(row(name)).or_default().add(name, outcome, &self.rules);
            if !row(name).starts_with('(') {
                all.add(name, outcome, &self.rules);
            }
        }
        (rows, all)
    }

    /// A table of directories, and what is to be said of the whole.
    pub fn summary(&self) -> String {
        let (rows, all) = self.sums();
        let mut text =
            format!("{:<40}{:>6}  {:>15}{:>28}\n", "directory", "files", "passed", "without CORS");
        for (name, sum) in rows {
            text += &sum.line(&name);
        }
        text += &all.line("total without those in parentheses");
        let reasons: Vec<_> =
            self.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        if !reasons.is_empty() {
            let _ = writeln!(text, "expected failures: {}", reasons.join(", "));
        }
        let wavered: Vec<_> = self.results.iter().filter(|result| result.wavered).collect();
        if !wavered.is_empty() {
            let names: Vec<_> = wavered.iter().map(|result| result.name.as_str()).collect();
            let _ = writeln!(text, "as expected only when run alone: {}", names.join(", "));
        }
        let _ = write!(text, "{} changes, {:.0} s", self.changes(), self.took.as_secs_f64());
        text
    }

    pub fn json(&self) -> Value {
        let (rows, all) = self.sums();
        let rows: Map<_, _> = rows.into_iter().map(|(name, row)| (name, row.json())).collect();
        let file = |result: &FileResult| {
            let Outcome { harness, message, subtests, took } = &result.outcome;
            let failures: Vec<_> = result
                .outcome
                .failures()
                .map(|it| json!({ "name": it.name, "status": it.status, "message": it.message }))
                .collect();
            let value = json!({
                "passed": result.outcome.passed(), "total": subtests.len(), "harness": harness,
                "message": message, "ms": took.as_millis() as u64, "failures": failures,
            });
            (result.name.clone(), value)
        };
        json!({
            "passed": all.all.passed, "total": all.all.total, "changes": self.changes(),
            "without_cors": all.json()["without_cors"],
            "seconds": self.took.as_secs_f64(), "directories": rows, "reasons": self.reasons,
            "files": self.results.iter().map(file).collect::<Map<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::outcome::Outcome;
    use super::super::reasons::Reasons;
    use super::{FileResult, Report};

    #[test]
    fn the_second_figure_leaves_out_what_is_about_cors_passed_or_not() {
        let rules =
            Reasons::parse("[[rule]]\nreason = 'cors'\nfiles = '^url/'\nnames = 'no-cors'\n");
        let result = |name: &str| {
            FileResult {
            name: name.to_owned(),
            outcome: Outcome::parse(
                r#"{"harness":{"status":0},"subtests":[
                    {"name":"a no-cors","status":0},{"name":"b no-cors","status":0},
                    {"name":"c no-cors","status":1},{"name":"d","status":0},{"name":"e","status":1}]}"#,
            )
            .unwrap(),
            changes: Vec::new(),
            wavered: false,
        }
        };
        let results = vec![result("url/a.any.js"), result("streams/a.any.js")];
        let report = Report::new(results, Duration::ZERO, rules.unwrap());
        let summary = report.summary();
        let words = |directory: &str| {
            let line = summary.lines().find(|line| line.starts_with(directory)).unwrap();
            line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("url"), "3/5 60.00 % 1/2 50.00 %");
        assert_eq!(words("streams"), "3/5 60.00 %");
        assert_eq!(report.json()["without_cors"]["total"], 7);
    }
}

//! What a test file says about itself in its `// META: key=value` lines
//! (<https://web-platform-tests.org/writing-tests/testharness.html>).

/// Scopes that a Worker can stand for.
const WORKERS: [&str; 4] = ["worker", "dedicatedworker", "sharedworker", "serviceworker"];

/// The `META` lines of a file, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta(Vec<(String, String)>);

impl Meta {
    pub fn parse(source: &str) -> Self {
        Self(source.lines().filter_map(line).collect())
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Scripts that come before the test, as written.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.values("script")
    }

    /// Whether the test is for some kind of worker: so are those that say nothing.
    pub fn is_for_workers(&self) -> bool {
        let mut scopes =
            self.values("global").flat_map(|list| list.split(',')).map(str::trim).peekable();
        scopes.peek().is_none() || scopes.any(|scope| WORKERS.contains(&scope))
    }

    /// Whether the test asks for six times as long as others.
    pub fn is_long(&self) -> bool {
        self.values("timeout").any(|value| value == "long")
    }

    /// The queries to run the file with. A file that is only cut into pieces by its variants is run
    /// whole; variants over protocols that the run has no server for are left out.
    pub fn variants(&self) -> Vec<String> {
        let all: Vec<&str> = self.values("variant").collect();
        if all.iter().all(|variant| is_a_piece(variant)) {
            return vec![String::new()];
        }
        let left_out = ["wss", "wpt_flags=h2", "https"];
        let mut kept: Vec<String> = Vec::new();
        for variant in all {
            let known = kept.iter().any(|other| other == variant);
            if !known && !left_out.iter().any(|word| variant.contains(word)) {
                kept.push(variant.to_owned());
            }
        }
        if kept.is_empty() {
            kept.push("?default".to_owned());
        }
        kept
    }
}

/// `// META: key=value`, at the beginning of a line.
fn line(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix("//")?.trim_start().strip_prefix("META:")?.trim_start();
    let (key, value) = rest.split_once('=')?;
    let is_word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then(|| (key.to_owned(), value.trim().to_owned()))
}

/// Whether a variant selects some of the file's subtests: `?1-1000`, `?1001-last`, `?include=…`,
/// `?exclude=…`, or nothing.
fn is_a_piece(variant: &str) -> bool {
    let Some(query) = variant.strip_prefix('?') else { return variant.is_empty() };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    query.starts_with("include=")
        || query.starts_with("exclude=")
        || query
            .split_once('-')
            .is_some_and(|(from, to)| number(from) && (to == "last" || number(to)))
}

#[cfg(test)]
mod tests {
    use super::Meta;

    #[test]
    fn lines_are_found_where_the_suite_finds_them() {
        let meta = Meta::parse(
            "// META: title=a=b\n//META:script=/common/x.js\n  // META: script=indented.js\n\
             // META: timeout=long\r\n// not META: script=no.js\ncode(); // META: script=late.js\n",
        );
        assert_eq!(meta.scripts().collect::<Vec<_>>(), ["/common/x.js"]);
        assert_eq!(meta.values("title").collect::<Vec<_>>(), ["a=b"]);
        assert!(meta.is_long());
    }

    #[test]
    fn a_test_is_for_workers_unless_it_says_otherwise() {
        let is = |text: &str| Meta::parse(text).is_for_workers();
        assert!(is("test(() => {});"));
        assert!(is("// META: global=window, worker"));
        assert!(is("// META: global=serviceworker,jsshell"));
        assert!(!is("// META: global=window"));
        assert!(!is("// META: global=window,shadowrealm"));
    }

    #[test]
    fn variants_that_only_divide_a_file_are_run_as_one() {
        let variants = |list: &[&str]| {
            let lines: Vec<_> = list.iter().map(|v| format!("// META: variant={v}\n")).collect();
            Meta::parse(&lines.concat()).variants()
        };
        assert_eq!(variants(&[]), [""]);
        assert_eq!(variants(&["?1-10", "?11-last"]), [""]);
        assert_eq!(variants(&["", "?include=a", "?exclude=a"]), [""]);
        assert_eq!(variants(&["?a", "?b", "?a"]), ["?a", "?b"]);
        assert_eq!(variants(&["?default", "?wss", "?wpt_flags=h2"]), ["?default"]);
        assert_eq!(variants(&["?wss"]), ["?default"]);
    }
}

//! Which kind of module a file is: wrangler's rules, then the extension.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};

use super::bundle::ModuleKind;

/// `type` of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    EsModule,
    CommonJs,
    CompiledWasm,
    Text,
    Data,
    Python,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub kind: RuleKind,
    pub globs: Vec<GlobMatcher>,
    /// Rules of the same type that come later count as well, wrangler's own included.
    pub fallthrough: bool,
}

impl Rule {
    /// A glob as wrangler has them: `*` stops at slashes, `**` does not.
    pub fn matcher(glob: &str) -> Result<GlobMatcher, String> {
        GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map(|glob| glob.compile_matcher())
            .map_err(|error| error.kind().to_string())
    }

    fn matches(&self, path: &str) -> bool {
        self.globs.iter().any(|glob| glob.is_match(path))
    }
}

/// The rules of one Worker in the order in which they count.
#[derive(Clone, Debug)]
pub struct Rules(Vec<Rule>);

/// wrangler's rules for every Worker; the wasm one also knows the `?module` spelling.
const DEFAULTS: &[(RuleKind, &[&str])] = &[
    (RuleKind::Text, &["**/*.txt", "**/*.html", "**/*.sql"]),
    (RuleKind::Data, &["**/*.bin"]),
    (RuleKind::CompiledWasm, &["**/*.wasm"]),
];

/// The same, compiled once for all Workers.
static COMPILED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let compiled = DEFAULTS.iter().map(|(kind, globs)| Rule {
        kind: *kind,
        globs: globs.iter().filter_map(|glob| Rule::matcher(glob).ok()).collect(),
        fallthrough: true,
    });
    compiled.collect()
});

impl Rules {
    /// A rule without `fallthrough` ends the list for its type: that is how a user replaces a
    /// default rule (wrangler's behaviour).
    pub fn new(user: Vec<Rule>) -> Self {
        let defaults = COMPILED.iter().cloned();
        let mut ended = Vec::new();
        let mut rules = Vec::new();
        for rule in user.into_iter().chain(defaults) {
            if ended.contains(&rule.kind) {
                continue;
            }
            if !rule.fallthrough {
                ended.push(rule.kind);
            }
            rules.push(rule);
        }
        Self(rules)
    }

    /// The kind that a rule gives the file; `path` is relative to the rules' base directory.
    pub fn rule_for(&self, path: &str) -> Option<RuleKind> {
        self.0.iter().find(|rule| rule.matches(path)).map(|rule| rule.kind)
    }

    /// The kind of module that the file is, or why it is none.
    pub fn kind(&self, path: &str) -> Result<ModuleKind, String> {
        match self.rule_for(path) {
            Some(RuleKind::EsModule) => return Ok(ModuleKind::Esm),
            Some(RuleKind::CompiledWasm) => return Ok(ModuleKind::Wasm),
            Some(RuleKind::Text) => return Ok(ModuleKind::Text),
            Some(RuleKind::Data) => return Ok(ModuleKind::Data),
            Some(RuleKind::CommonJs) => return Err(COMMONJS.to_owned()),
            Some(RuleKind::Python) => return Err("Python does not run here".to_owned()),
            None => {}
        }
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js" | "mjs" | "ts" | "mts" | "tsx" | "jsx") => Ok(ModuleKind::Esm),
            Some("json") => Ok(ModuleKind::Json),
            Some("cjs" | "cts") => Err(COMMONJS.to_owned()),
            _ => Err("no rule says what kind of module it is; add one to the wrangler file: \
                      [[rules]] type = \"Text\" (or \"Data\"), globs = [\"**/*.ext\"]"
                .to_owned()),
        }
    }
}

const COMMONJS: &str = "it is CommonJS, which does not run here: a Worker is made of ES modules; \
     bundle the Worker, which converts it: esbuild src/index.js --bundle --format=esm \
     --conditions=workerd,worker,browser --external:cloudflare:* --outfile=dist/index.js";

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: RuleKind, glob: &str, fallthrough: bool) -> Rule {
        Rule { kind, globs: vec![Rule::matcher(glob).unwrap()], fallthrough }
    }

    #[test]
    fn defaults_are_wranglers() {
        let rules = Rules::new(Vec::new());
        for (path, kind) in [
            ("a.txt", ModuleKind::Text),
            ("deep/er/a.html", ModuleKind::Text),
            ("q.sql", ModuleKind::Text),
            ("a.bin", ModuleKind::Data),
            ("a/b.wasm", ModuleKind::Wasm),
            ("a.json", ModuleKind::Json),
            ("a.js", ModuleKind::Esm),
            ("a.mjs", ModuleKind::Esm),
            ("a.ts", ModuleKind::Esm),
            ("a.test.tsx", ModuleKind::Esm),
        ] {
            assert_eq!(rules.kind(path), Ok(kind), "{path}");
        }
        assert!(rules.kind("a.cjs").unwrap_err().contains("CommonJS"));
        assert!(rules.kind("a.png").unwrap_err().contains("no rule"));
        assert!(rules.kind("dir.js/README").unwrap_err().contains("no rule"));
    }

    #[test]
    fn a_users_rule_replaces_the_default_of_its_type() {
        let rules = Rules::new(vec![rule(RuleKind::Text, "**/*.md", false)]);
        assert_eq!(rules.kind("a.md"), Ok(ModuleKind::Text));
        assert!(rules.kind("a.txt").is_err());
        assert_eq!(rules.kind("a.bin"), Ok(ModuleKind::Data));
        let rules = Rules::new(vec![rule(RuleKind::Text, "**/*.md", true)]);
        assert_eq!(rules.kind("a.txt"), Ok(ModuleKind::Text));
    }

    #[test]
    fn a_rule_wins_over_the_extension() {
        let rules = Rules::new(vec![rule(RuleKind::Text, "templates/*.js", true)]);
        assert_eq!(rules.kind("templates/a.js"), Ok(ModuleKind::Text));
        assert_eq!(rules.kind("templates/sub/a.js"), Ok(ModuleKind::Esm));
    }
}

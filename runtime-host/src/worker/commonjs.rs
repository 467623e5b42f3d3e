//! Finds `CommonJS` that can't work here, so that its author learns it from `check` and not from a
//! `ReferenceError` in production.

use oxc::ast::AstKind;
use oxc::ast::ast::Program;
use oxc::semantic::{Scoping, Semantic, SemanticBuilder};
use oxc::span::GetSpan;
use oxc::syntax::node::NodeId;
use oxc::syntax::operator::UnaryOperator;

/// The first use of `CommonJS` in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub start: usize,
    pub end: usize,
    pub message: String,
    /// In a branch that may never be taken: programs that run in several places have such code.
    pub conditional: bool,
}

/// Looks for a call of an unbound `require`, or, in a file without module syntax, for a use of an
/// unbound `module.…` or `exports.…`; for one that surely runs rather than a conditional one.
///
/// Code that asks first (`typeof require`) or that catches the failure is left alone: bundlers
/// leave such code behind, and it works.
pub fn find(program: &Program<'_>, scoping: &Scoping, is_module: bool) -> Option<Finding> {
    let unbound = |name: &str| {
        scoping.root_unresolved_references().keys().any(|unbound| unbound.as_str() == name)
    };
    let names: &[&str] = if is_module { &["require"] } else { &["require", "module", "exports"] };
    let names: Vec<&str> = names.iter().copied().filter(|name| unbound(name)).collect();
    if names.is_empty() {
        return None;
    }
    // The table of nodes costs memory: it is only built for the rare file that needs a closer look.
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    names
        .iter()
        .flat_map(|name| uses(&semantic, name))
        .min_by_key(|finding| (finding.conditional, finding.start))
}

fn uses(semantic: &Semantic<'_>, name: &str) -> Vec<Finding> {
    let nodes: Vec<NodeId> = semantic
        .scoping()
        .root_unresolved_references()
        .iter()
        .filter(|(unbound, _)| unbound.as_str() == name)
        .flat_map(|(_, references)| references.iter())
        .map(|reference| semantic.scoping().get_reference(*reference).node_id())
        .collect();
    if nodes.iter().any(|node| is_asked_for(semantic, *node)) {
        return Vec::new();
    }
    let used = nodes.into_iter().filter(|node| is_use(semantic, *node, name));
    used.map(|node| {
        let span = semantic.nodes().kind(node).span();
        Finding {
            start: span.start as usize,
            end: span.end as usize,
            message: message(name),
            conditional: is_conditional(semantic, node),
        }
    })
    .collect()
}

fn is_conditional(semantic: &Semantic<'_>, node: NodeId) -> bool {
    semantic.nodes().ancestor_kinds(node).any(|kind| {
        matches!(
            kind,
            AstKind::IfStatement(_)
                | AstKind::ConditionalExpression(_)
                | AstKind::LogicalExpression(_)
        )
    })
}

fn message(name: &str) -> String {
    format!("this is CommonJS (`{name}`), which does not run here: a Worker is made of ES modules")
}

/// What to do about `CommonJS`.
pub const HELP: &str = "write `import x from \"./x.js\"` and `export`, or bundle the Worker, which \
     converts CommonJS: esbuild src/index.js --bundle --format=esm \
     --conditions=workerd,worker,browser --external:cloudflare:* --outfile=dist/index.js, \
     and name dist/index.js as main";

/// `typeof require`.
fn is_asked_for(semantic: &Semantic<'_>, node: NodeId) -> bool {
    matches!(
        semantic.nodes().parent_kind(node),
        AstKind::UnaryExpression(unary) if unary.operator == UnaryOperator::Typeof
    )
}

fn is_use(semantic: &Semantic<'_>, node: NodeId, name: &str) -> bool {
    let own = semantic.nodes().kind(node).span();
    let used = match semantic.nodes().parent_kind(node) {
        AstKind::CallExpression(call) => name == "require" && call.callee.span() == own,
        AstKind::StaticMemberExpression(_) | AstKind::ComputedMemberExpression(_) => {
            name != "require"
        }
        _ => false,
    };
    let caught = || {
        semantic.nodes().ancestor_kinds(node).any(|kind| matches!(kind, AstKind::TryStatement(_)))
    };
    used && !caught()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::diagnostic::SourceText;
    use crate::worker::javascript::{Goal, read};

    fn found(text: &str) -> Option<usize> {
        let source = SourceText { file: Path::new("a.js"), text };
        read(source, Goal::ModuleOrScript)
            .unwrap()
            .commonjs
            .filter(|f| !f.conditional)
            .map(|f| f.start)
    }

    #[test]
    fn unbound_commonjs_is_found() {
        assert_eq!(found("const a = 1, fs = require('fs')"), Some(18));
        assert_eq!(found("export default {}; require('fs')"), Some(19));
        assert_eq!(found("module.exports = {}"), Some(0));
        assert_eq!(found("exports.a = 1"), Some(0));
    }

    #[test]
    fn what_may_never_run_is_marked() {
        let text = "if (ENVIRONMENT_IS_NODE) { var fs = require('fs') }";
        let source = SourceText { file: Path::new("a.js"), text };
        assert!(read(source, Goal::ModuleOrScript).unwrap().commonjs.unwrap().conditional);
        assert_eq!(found("a && require('a'); b ? require('b') : 0; require('c')"), Some(41));
    }

    #[test]
    fn what_works_is_left_alone() {
        for text in [
            "function require(x) {} require('a')",
            "export default { f(require) { return require('a') } }",
            "if (typeof require === 'function') require('crypto')",
            "let c; try { c = require('crypto') } catch {}",
            "export const exports = 1; export let m = module.exports",
            "if (typeof module !== 'undefined') module.exports = {}",
            "x.require('a'); require.resolve; // require('b')",
            "if (typeof exports === 'object') exports.a = 1",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

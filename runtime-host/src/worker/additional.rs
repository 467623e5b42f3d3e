//! wrangler's `find_additional_modules`: files that no literal import names, for `import()` with
//! a computed specifier.

use std::path::Path;

use super::resolve::{self, Target};
use super::rules::Rules;
use crate::diagnostic::Diagnostic;
use crate::limits::{DIRECTORY_DEPTH_MAX, MODULES_MAX};

/// Files below `base` (relative to `root`) that match a rule, as sorted paths relative to `root`.
/// Hidden directories and `node_modules` are left out, and symbolic links are not followed.
pub fn find(root: &Path, base: &str, rules: &Rules) -> Result<Vec<String>, Diagnostic> {
    let Ok(Target::Path(base)) = resolve::target("", &format!("./{base}")) else {
        return Err(Diagnostic::error(root, "base_dir must lie in the Worker's directory"));
    };
    let mut found = Vec::new();
    let mut directories = vec![(base.clone(), 0)];
    while let Some((directory, depth)) = directories.pop() {
        let path = root.join(&directory);
        let failed =
            |error: std::io::Error| Diagnostic::error(&path, format!("cannot be read: {error}"));
        for entry in path.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let relative =
                if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                let skipped = name.starts_with('.') || name == "node_modules";
                if !skipped && depth < DIRECTORY_DEPTH_MAX {
                    directories.push((relative, depth + 1));
                }
            } else if kind.is_file() {
                let in_base = relative.strip_prefix(&base).unwrap_or(&relative);
                if rules.rule_for(in_base.trim_start_matches('/')).is_some() {
                    found.push(relative);
                }
            }
        }
        if found.len() > MODULES_MAX {
            let message = format!("more than {MODULES_MAX} files match the rules");
            return Err(Diagnostic::error(path, message)
                .with_help("narrow base_dir or the rules' globs in the wrangler file"));
        }
    }
    found.sort_unstable();
    Ok(found)
}

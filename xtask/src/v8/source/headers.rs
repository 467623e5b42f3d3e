//! Precompiled headers for the two groups of objects that take nearly all the time:
//! with these an object takes a third to a twentieth of the time, and comes out the same.
//!
//! Which objects use them is decided in `cc.sh`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{ninja, work::Work};
use crate::cache;

/// One object of each group: building these first also makes every generated header.
pub const SAMPLES: [&str; 2] = [BUILTIN, RUNTIME];

const BUILTIN: &str = "obj/v8/torque_generated_initializers/array-at-tq-csa.o";
const RUNTIME: &str = "obj/v8/v8_base_without_compiler/api.o";

/// The source of [`BUILTIN`], in the output directory: all files of its group are
/// generated and begin with the same includes.
const BUILTIN_SOURCE: &str = "gen/v8/torque-generated/src/builtins/array-at-tq-csa.cc";

/// Precompiles both headers, unless they are there for the same compiler flags.
pub fn precompile(work: &Work) -> Result<()> {
    let generated = fs::read_to_string(work.out().join(BUILTIN_SOURCE))
        .with_context(|| format!("cannot read {BUILTIN_SOURCE}"))?;
    header(work, "builtins", &includes(&generated), BUILTIN)?;
    header(work, "runtime", include_str!("runtime.h"), RUNTIME)
}

/// Compiles `text` with the flags of `object` into `<name>.pch`.
fn header(work: &Work, name: &str, text: &str, object: &str) -> Result<()> {
    let dir = work.headers();
    let source = dir.join(format!("{name}.h"));
    let precompiled = dir.join(format!("{name}.pch"));
    let made_of = dir.join(format!("{name}.made-of"));
    let flags = flags(&ninja::command_of(work, object)?, object)?;
    let recipe = format!("{flags}\n{text}");
    if precompiled.exists() && fs::read_to_string(&made_of).is_ok_and(|made| made == recipe) {
        return Ok(());
    }
    let _ = fs::remove_file(&precompiled);
    fs::write(&source, text)?;
    cache::put(&precompiled, |scratch| {
        // Templates that the headers use are instantiated here, once for all objects.
        let script = format!("{flags} -fpch-instantiate-templates -x c++-header \"$0\" -o \"$1\"");
        let mut sh = Command::new("sh");
        sh.arg("-c").arg(script).arg(&source).arg(scratch).current_dir(work.out());
        // Without the command itself in the message: it fills a screen.
        ensure!(sh.status()?.success(), "clang cannot precompile {}", source.display());
        Ok(())
    })?;
    fs::write(&made_of, recipe)?;
    Ok(())
}

/// The compiler and flags of a command line that compiles `object`, quoted for the
/// shell as ninja prints them, without what names its input and outputs, or its module
/// (with that, clang takes a header for the interface of the module).
fn flags(command: &str, object: &str) -> Result<String> {
    let end = format!(" -o {object}");
    let (flags, _source) = command
        .strip_suffix(&end)
        .and_then(|rest| rest.rsplit_once(" -c "))
        .with_context(|| format!("unexpected command line for {object}: {command}"))?;
    let dependencies = format!("-MD -MF {object}.d ");
    ensure!(flags.contains(&dependencies), "unexpected command line for {object}: {command}");
    let flags = flags.replace(&dependencies, "");
    let words = flags.split(' ').filter(|word| !word.starts_with("-fmodule-name="));
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// The include lines of a source file.
fn includes(source: &str) -> String {
    source.split_inclusive('\n').filter(|line| line.starts_with("#include ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_flags_out_of_a_command_line() {
        let command =
            r#"clang++ -MD -MF obj/a.o.d -DA='b' -fmodule-name="//v8:a" -c ../a.cc -o obj/a.o"#;
        assert_eq!(flags(command, "obj/a.o").unwrap(), "clang++ -DA='b'");
        assert!(flags("clang++ -c ../a.cc -o obj/a.o", "obj/a.o").is_err());
    }
}

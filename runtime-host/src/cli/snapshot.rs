//! `nano-host snapshot`: what every start would do, done once.

use std::path::PathBuf;

use super::Failure;
use crate::isolate::{kept, snapshot};

pub fn run(out: Option<PathBuf>) -> Result<(), Failure> {
    let path = match out {
        Some(path) => path,
        None => kept::beside_the_program()
            .map_err(|error| Failure::Host(format!("cannot find this program's path: {error}")))?,
    };
    let bytes = kept::write(&path, &snapshot::create())
        .map_err(|error| Failure::Host(format!("cannot write {}: {error}", path.display())))?;
    println!("{}: {} KiB", path.display(), bytes / 1024);
    Ok(())
}

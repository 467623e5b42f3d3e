//! `nano-host check`: everything that can be found wrong without serving.

use std::path::Path;
use std::sync::Arc;

use super::{Failure, start};
use crate::isolate::Instance;
use crate::worker;

pub fn run(file: &Path) -> Result<(), Failure> {
    let config = start::config(file)?;
    let (bundles, diagnostics) = worker::load_all(&config);
    let mut failed = start::report(&diagnostics);
    if bundles.is_empty() && !failed {
        eprintln!(
            "{}: warning: no Worker: name directories with a wrangler file in [workers] directories",
            file.display()
        );
    }
    for bundle in bundles {
        let (name, version) = (bundle.name.clone(), bundle.version.clone());
        match Instance::start(Arc::new(bundle)) {
            Ok(_) => println!("{name}: ok (version {version})"),
            Err(error) => {
                failed = true;
                eprintln!("{name}: error: {error}");
            }
        }
    }
    if let Some(default) = &config.workers.default
        && !failed
        && !worker::load_all(&config).0.iter().any(|b| &b.name == default)
    {
        failed = true;
        eprintln!(
            "{}: error: the default Worker {default:?} is in none of [workers] directories",
            file.display()
        );
    }
    if failed { Err(Failure::Refused) } else { Ok(()) }
}

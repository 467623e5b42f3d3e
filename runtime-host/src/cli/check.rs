//! `nano-host check`: everything that can be found wrong without serving.

use std::path::Path;
use std::sync::Arc;

use super::{Failure, envoy_config, start};
use crate::isolate::Instance;
use crate::worker;

pub fn run(file: &Path) -> Result<(), Failure> {
    let config = start::config(file)?;
    let (bundles, diagnostics) = worker::load_all(&config);
    let mut failed = start::report(&diagnostics);
    failed |= start::report(&envoy_config::check(&config, &bundles));
    if bundles.is_empty() && !failed {
        eprintln!(
            "{}: warning: no Worker: name directories with a wrangler file in [workers] directories",
            file.display()
        );
    }
    for bundle in bundles {
        let bundle = Arc::new(bundle);
        match Instance::start(Arc::clone(&bundle)) {
            Ok(_) => println!("{}: ok (version {})", bundle.name, bundle.version),
            Err(error) => {
                failed = true;
                eprintln!("{}: error: {error}", start::entry(&bundle));
            }
        }
    }
    if failed { Err(Failure::Refused) } else { Ok(()) }
}

//! The creation of isolates.

use std::sync::Arc;

use super::exchange::bundle;
use crate::isolate::{Instance, platform};

/// A Worker of about 1 KB.
const WORKER: &str = include_str!("../../../benches/workers/ab-cookie/worker.js");

pub fn prepare() -> Box<dyn FnMut()> {
    platform::initialize();
    let bundle = Arc::new(bundle(WORKER));
    Box::new(move || {
        let instance = Instance::start(Arc::clone(&bundle)).expect("the Worker starts");
        drop(std::hint::black_box(instance));
    })
}

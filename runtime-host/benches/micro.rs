//! `cargo xtask bench --micro`: the times of the micro benchmarks. The cases are in
//! `nano_host::micro`.

use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use nano_host::micro::{CASES, Case};

const WARM_UP: Duration = Duration::from_millis(500);

/// As in `nano-host`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

#[divan::bench(args = CASES)]
fn nano(bencher: Bencher<'_, '_>, case: &Case) {
    let mut round = case.prepare();
    // V8 optimises what is called often.
    let began = Instant::now();
    while began.elapsed() < WARM_UP {
        round();
    }
    bencher.counter(ItemsCount::new(case.operations)).bench_local(round);
}

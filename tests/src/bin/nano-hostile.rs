//! `nano-hostile [--minutes N] [--json FILE] [--seed S] [CASE…]`: the hostile corpus beside a good
//! tenant. `cargo xtask hostile` provides what it needs, builds it and becomes it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use nano_tests::hostile::arena::Arena;
use nano_tests::hostile::campaign::{self, Plan};
use nano_tests::hostile::case::corpus;
use nano_tests::hostile::order::Order;
use nano_tests::hostile::report::Row;
use nano_tests::{Error, Result};

fn main() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = Options::parse(std::env::args().skip(1)).and_then(|options| {
        let runtime = runtime.map_err(Error::during("cannot start"))?;
        runtime.block_on(hostile(options))
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("nano-hostile: error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
struct Options {
    minutes: Option<f64>,
    json: Option<PathBuf>,
    seed: u64,
    cases: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let usage =
            || Error::new("usage: nano-hostile [--minutes N] [--json FILE] [--seed S] [CASE…]");
        let mut options =
            Self { minutes: None, json: None, seed: Order::any_seed(), cases: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(usage);
            match argument.as_str() {
                "--minutes" => options.minutes = Some(value()?.parse().map_err(|_| usage())?),
                "--json" => options.json = Some(value()?.into()),
                "--seed" => options.seed = value()?.parse().map_err(|_| usage())?,
                word if word.starts_with('-') => return Err(usage()),
                case => options.cases.push(case.to_owned()),
            }
        }
        Ok(options)
    }
}

/// True when all that should be contained is.
async fn hostile(options: Options) -> Result<bool> {
    let cases = corpus(&options.cases)?;
    let length = options.minutes.map(|minutes| Duration::try_from_secs_f64(minutes * 60.0));
    let length = length.transpose().map_err(Error::during("--minutes"))?;
    println!("{} cases, seed {}", cases.len(), options.seed);
    let arena = Arena::start(&cases).await?;
    let plan = Plan { cases, seed: options.seed, length };
    let report = campaign::run(plan, arena, &mut |row: &Row| println!("{}", row.line())).await?;
    println!("\n{}", report.summary());
    if let Some(path) = options.json {
        let text = format!("{:#}\n", report.json());
        std::fs::write(&path, text)
            .map_err(Error::during(format!("can't write {}", path.display())))?;
    }
    Ok(report.is_good())
}

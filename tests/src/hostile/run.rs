//! One case: its Worker put in place, the attack, what must be true afterwards, all taken out.

use std::time::{Duration, Instant};

use super::arena::{Arena, Verdict};
use super::case::{Case, Isolate};
use super::expect::Answer;
use super::levels;
use crate::client::{Proto, Request};
use crate::listeners::Mode;
use crate::{Error, Result};

/// What became of a case.
#[derive(Debug)]
pub struct Outcome {
    pub took: Duration,
    /// Why it is not contained.
    pub escaped: Option<String>,
}

/// Runs a case and looks whether the host lives.
pub async fn run(case: &Case, arena: &Arena) -> Outcome {
    let began = Instant::now();
    let mut result = attempt(case, arena).await;
    if case.crashes {
        let back = arena.is_back().await;
        result = result.and(back);
    }
    let escaped = match (arena.check_alive(), result) {
        (Err(dead), Ok(())) => Some(format!("the host ended: {}", last_words(&dead))),
        (Err(dead), Err(error)) => Some(format!("the host ended: {}; {error}", last_words(&dead))),
        (Ok(()), result) => result.err().map(|error| error.to_string()),
    };
    Outcome { took: began.elapsed(), escaped }
}

/// The lines that say why V8, or anything else, ended the process.
fn last_words(dead: &Error) -> String {
    let text = dead.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let why = lines.find(|line| {
        ["Fatal", "fatal", "panicked", "overflow", "OOM"].iter().any(|word| line.contains(word))
    });
    why.map_or(first.clone(), |why| format!("{first} ({})", why.trim().trim_matches('#').trim()))
}

async fn attempt(case: &Case, arena: &Arena) -> Result<()> {
    if !case.has_worker() {
        return within(case, attack(case, arena)).await;
    }
    let (deployed, verdict) = arena.deploy(case).await?;
    let mut result = judge(case, &verdict);
    if result.is_ok() && matches!(verdict, Verdict::Ready) {
        result = within(case, attack(case, arena)).await;
    }
    if result.is_ok() {
        result = levels::idle(arena, &case.name).await;
    }
    arena.remove(deployed).await;
    result
}

async fn within(case: &Case, attack: impl Future<Output = Result<()>>) -> Result<()> {
    let limit = case.within();
    let result = tokio::time::timeout(limit, attack).await;
    result.unwrap_or_else(|_| Err(Error::new(format!("not over in {limit:?}"))))
}

/// Whether the host took, or refused, the Worker as it should.
fn judge(case: &Case, verdict: &Verdict) -> Result<()> {
    match (&case.refused, verdict) {
        (None, Verdict::Ready) => Ok(()),
        (None, Verdict::Refused(line)) => Err(Error::new(format!("refused: {line}"))),
        (Some(_), Verdict::Ready) => Err(Error::new("the Worker was not refused")),
        (Some(parts), Verdict::Refused(line)) => {
            match parts.iter().find(|part| !line.contains(part.as_str())) {
                None => Ok(()),
                Some(part) => Err(Error::new(format!("refused without {part:?}: {line}"))),
            }
        }
    }
}

async fn attack(case: &Case, arena: &Arena) -> Result<()> {
    let asks = case.has_worker() && case.isolate != Isolate::Unasked;
    let logged = arena.log().bytes_of(&case.name);
    if asks {
        well(case, arena, &["1"]).await.map_err(Error::during("before the attack"))?;
    }
    for request in &case.requests {
        request.run(case, arena).await?;
    }
    for raw in &case.raws {
        raw.run(arena).await?;
    }
    for stream in &case.streams {
        stream.run(case, arena).await?;
    }
    if asks {
        let counts: &[&str] = match case.isolate {
            Isolate::Kept => &["2"],
            Isolate::Fresh => &["1"],
            Isolate::Any | Isolate::Unasked => &["1", "2"],
        };
        well(case, arena, counts).await.map_err(Error::during("after the attack"))?;
    }
    match case.log_max_kb {
        Some(most) => log_is_bounded(case, arena, logged, most).await,
        None => Ok(()),
    }
}

/// The Worker answers, and has been asked so often in the life of its isolate.
async fn well(case: &Case, arena: &Arena, counts: &[&str]) -> Result<()> {
    let url = arena.stack().at(Mode::Lazy, "/well");
    let request = Request::new(Proto::H1, "GET", &url).header("x-test-worker", &case.name);
    let reply = tokio::time::timeout(Duration::from_secs(10), request.send())
        .await
        .map_err(|_| Error::new("the Worker does not answer"))??;
    let wrong = Answer { status: vec![200], ..Answer::default() }.differences(&reply);
    if !wrong.is_empty() {
        return Err(Error::new(wrong.join("; ")));
    }
    let text = reply.text();
    if counts.contains(&text.as_str()) {
        return Ok(());
    }
    let counts = counts.join(" or ");
    Err(Error::new(format!("the isolate was asked {text:?} times, expected was {counts}")))
}

async fn log_is_bounded(case: &Case, arena: &Arena, before: u64, most_kb: u64) -> Result<()> {
    // The log's writer may be behind.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let kb = (arena.log().bytes_of(&case.name) - before) / 1024;
    if kb <= most_kb {
        return Ok(());
    }
    Err(Error::new(format!("{kb} KiB in the log, {most_kb} at most are right")))
}

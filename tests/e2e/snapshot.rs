//! The file that isolates start from: whatever is in its place, the host serves.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nano_tests::process::{Output, Process, free_port};
use nano_tests::runner::Case;
use nano_tests::stack::Stack;
use nano_tests::{cases, client, host};

pub fn cases() -> Vec<Case> {
    cases![serves_with_any_snapshot]
}

const WORKER: &str = "export default { fetch: () => new Response(new URL('http://a/b').pathname) }";

async fn serves_with_any_snapshot(_stack: Arc<Stack>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("worker.js"), WORKER).expect("written");
    let made = Command::new(host::find().expect("the program"))
        .args(["snapshot", "--out"])
        .arg(at("good"))
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(made.success());
    let good = std::fs::read(at("good")).expect("the file is there");

    std::fs::write(at("short"), &good[..good.len() / 3]).expect("written");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    std::fs::write(at("flipped"), flipped).expect("written");
    std::fs::write(at("text"), "no snapshot").expect("written");
    for (file, complaint) in [
        ("good", None),
        ("short", Some("it is damaged")),
        ("flipped", Some("it is damaged")),
        ("text", Some("it is no snapshot")),
        ("missing", Some("No such file")),
    ] {
        let log = serve(&at("worker.js"), &at(file), &at(&format!("{file}.log"))).await;
        match complaint {
            Some(complaint) => {
                assert!(log.contains("is not used") && log.contains(complaint), "{file}: {log}");
            }
            None => assert!(!log.contains("is not used"), "{file}: {log}"),
        }
    }
}

/// Has `nano-host dev` answer one request; returns its log.
async fn serve(worker: &Path, snapshot: &Path, log: &Path) -> String {
    let listen = format!("127.0.0.1:{}", free_port().expect("a free port"));
    let mut command = Command::new(host::find().expect("the program"));
    command.arg("dev").arg(worker).args(["--listen", &listen]).env("NANO_SNAPSHOT", snapshot);
    let output = Output::File(log.to_owned());
    let process = Process::start("nano-host", command, &output).expect("it starts");
    let url = format!("http://{listen}/");
    process
        .wait_until(Duration::from_secs(20), || client::blocking_status(&url) == Some(200))
        .unwrap_or_else(|error| panic!("{error}"));
    let reply = client::get(&url).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reply.text(), "/b");
    process.log()
}

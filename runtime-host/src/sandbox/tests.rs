#![allow(unsafe_code)] // Probes are system calls.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::*;
use crate::diagnostic::SourceText;

/// A configuration with one Worker in `directory`.
fn config(directory: &std::path::Path, sandbox: &str) -> Config {
    let worker = directory.join("workers/hello");
    std::fs::create_dir_all(&worker).expect("a directory");
    std::fs::write(worker.join("wrangler.toml"), "main = \"index.js\"").expect("written");
    let file = directory.join("etc/nano.toml");
    std::fs::create_dir_all(directory.join("etc")).expect("a directory");
    let text = format!(
        "[server]\nsandbox = \"{sandbox}\"\n[workers]\ndirectories = [{:?}]",
        worker.display().to_string()
    );
    std::fs::write(&file, &text).expect("written");
    Config::parse(SourceText { file: &file, text: &text }).expect("valid")
}

/// Runs something on a thread of its own in the sandbox, which binds that thread and those it starts.
fn inside<T: Send>(config: &Config, run: impl FnOnce(Report) -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| run(enter(config, &[]).expect("a sandbox")));
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn error(result: libc::c_long) -> i32 {
    if result < 0 { std::io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { 0 }
}

#[test]
fn workers_and_configuration_can_be_read_and_nothing_written_or_read_elsewhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(directory.path(), "on");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "secret").expect("written");
    inside(&config, |report| {
        assert!(report.restricts_files(), "{:?}", report.missing);
        let worker = directory.path().join("workers/hello");
        assert!(std::fs::read(worker.join("wrangler.toml")).is_ok());
        assert!(std::fs::read_dir(&worker).is_ok());
        assert!(std::fs::read(directory.path().join("etc/nano.toml")).is_ok());
        for system in [
            "/etc/hosts",
            "/etc/nsswitch.conf",
            "/etc/ssl/certs",
            "/dev/urandom",
            "/proc/self/maps",
        ] {
            assert!(std::fs::File::open(system).is_ok(), "{system}");
        }
        let denied = [
            std::fs::read(&secret).map(drop),
            std::fs::read_dir(directory.path()).map(drop),
            // Names of users are nobody's secret: they stand for all else that is there.
            std::fs::read("/etc/passwd").map(drop),
            std::fs::read_dir("/etc").map(drop),
            std::fs::read_dir("/home").map(drop),
            std::fs::write(worker.join("new"), "x"),
            std::fs::OpenOptions::new().append(true).open(worker.join("wrangler.toml")).map(drop),
            std::fs::remove_file(worker.join("wrangler.toml")),
            std::fs::create_dir(worker.join("new")),
            std::os::unix::fs::symlink(&secret, worker.join("link")),
        ];
        for (at, result) in denied.into_iter().enumerate() {
            let kind = result.expect_err("denied").kind();
            assert_eq!(kind, ErrorKind::PermissionDenied, "number {at}");
        }
        // A Worker of a later configuration.
        let mut later = config.clone();
        assert!(report.outside(&later).is_empty());
        later.workers.directories.push(directory.path().join("more/*"));
        assert_eq!(report.outside(&later), [directory.path().join("more")]);
    });
}

#[test]
fn the_caches_directory_can_be_written_to_and_its_neighbours_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = config(directory.path(), "on");
    let cache = directory.path().join("cache");
    config.cache.directory = Some(cache.clone());
    inside(&config, |report| {
        assert!(report.restricts_files(), "{:?}", report.missing);
        let store = crate::cache::Store::open(&crate::cache::Settings {
            directory: Some(cache.clone()),
            total_bytes: None,
        });
        assert!(store.is_ok(), "{store:?}");
        let place = cache.join("a");
        std::fs::create_dir(&place).expect("made");
        std::fs::write(place.join("1"), "x").expect("written");
        let file = std::fs::File::create(place.join("1")).expect("truncated");
        file.sync_data().expect("synchronized");
        std::fs::rename(place.join("1"), place.join("2")).expect("renamed");
        std::fs::remove_file(place.join("2")).expect("removed");
        for outside in [directory.path().join("x"), directory.path().join("etc/x")] {
            let kind = std::fs::write(&outside, "x").expect_err("denied").kind();
            assert_eq!(kind, ErrorKind::PermissionDenied);
            let kind = std::fs::create_dir(&outside).expect_err("denied").kind();
            assert_eq!(kind, ErrorKind::PermissionDenied);
        }
    });
}

#[test]
fn what_serving_needs_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(directory.path(), "on");
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = elsewhere.local_addr().expect("bound");
    inside(&config, |_| {
        assert!(TcpStream::connect(address).is_ok());
        assert!(("localhost", 80).to_socket_addrs().is_ok_and(|mut all| all.next().is_some()));
        assert!(UdpSocket::bind("127.0.0.1:0").is_ok());
        assert_eq!(std::thread::spawn(|| 7).join().ok(), Some(7));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            let listener = tokio::net::TcpListener::from_std({
                elsewhere.set_nonblocking(true).expect("set");
                elsewhere
            })
            .expect("adopted");
            assert!(listener.accept().await.is_ok());
        });
    });
}

#[test]
fn ports_kernel_sockets_processes_and_signals_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(directory.path(), "on");
    inside(&config, |_| {
        let bound = TcpListener::bind("127.0.0.1:0").expect_err("no port of its own");
        assert_eq!(bound.kind(), ErrorKind::PermissionDenied);
        let socket = |family, kind| {
            // SAFETY: a plain system call.
            error(unsafe { libc::socket(family, kind, 0) }.into())
        };
        assert_eq!(socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC), 0);
        assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW), libc::EPERM);
        assert_eq!(socket(libc::AF_PACKET, libc::SOCK_RAW), libc::EPERM);
        assert_eq!(socket(libc::AF_INET, libc::SOCK_RAW), libc::EPERM);
        assert_eq!(socket(libc::AF_VSOCK, libc::SOCK_STREAM), libc::EPERM);
        // SAFETY: plain system calls; none of them does what it is asked.
        unsafe {
            assert_eq!(error(libc::kill(libc::getppid(), 0).into()), libc::EPERM);
            assert_eq!(error(libc::syscall(libc::SYS_fork)), libc::EPERM);
            let namespace = libc::CLONE_NEWUSER | libc::CLONE_THREAD;
            assert_eq!(error(libc::syscall(libc::SYS_clone, namespace, 0, 0, 0, 0)), libc::EPERM);
            assert_eq!(error(libc::syscall(libc::SYS_clone3, 0, 0)), libc::ENOSYS);
            assert_eq!(error(libc::ioctl(0, libc::TIOCSTI, c"x".as_ptr()).into()), libc::EPERM);
            let limit = libc::rlimit64 { rlim_cur: 1, rlim_max: 1 };
            let parent = libc::getppid();
            let changed = libc::prlimit64(
                parent,
                libc::RLIMIT_NOFILE,
                &raw const limit,
                std::ptr::null_mut(),
            );
            assert_eq!(error(changed.into()), libc::EPERM);
            assert_eq!(error(libc::syscall(libc::SYS_setuid, 0)), libc::EPERM);
            assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0), -1);
        }
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    });
}

/// The names of the sets are the kernel's, `proc_pid_status(5)`.
#[test]
fn nothing_is_left_of_the_superusers_privileges() {
    let directory = tempfile::tempdir().expect("a directory");
    let on = config(directory.path(), "on");
    let set = |name: &str| {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        u64::from_str_radix(line.expect("a set"), 16).expect("a number")
    };
    // CAP_SETPCAP, without which the bounding set stays as it is.
    let superuser = set("CapEff") & (1 << 8) != 0;
    inside(&on, |report| {
        assert!(report.missing.is_empty(), "{:?}", report.missing);
        assert_eq!(["CapInh", "CapPrm", "CapEff", "CapAmb"].map(set), [0; 4]);
        assert!(set("CapBnd") == 0 || !superuser);
        // Threads inherit it.
        let other = std::thread::spawn(move || ["CapPrm", "CapBnd"].map(set)).join();
        assert!(other.is_ok_and(|sets| sets[0] == 0 && (sets[1] == 0 || !superuser)));
    });
    let off = config(directory.path(), "off");
    let before = set("CapEff");
    inside(&off, |_| assert_eq!(set("CapEff"), before));
}

#[test]
fn a_program_that_is_started_from_inside_ends_the_process() {
    for probe in ["exec", "io_uring", "ptrace"] {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["sandbox::tests::probe", "--exact", "--ignored", "--test-threads=1"])
            .env("NANO_TEST_PROBE", probe)
            .output()
            .expect("it starts");
        assert_eq!(child.status.signal(), Some(libc::SIGSYS), "{probe}: {child:?}");
    }
}

#[test]
#[ignore = "ends the process: the test above runs it in one of its own"]
fn probe() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(directory.path(), "on");
    inside(&config, |_| match std::env::var("NANO_TEST_PROBE").as_deref() {
        // SAFETY: plain system calls, with arguments that no kernel would act on.
        Ok("io_uring") => unsafe { libc::syscall(libc::SYS_io_uring_setup, 0, 0) },
        // SAFETY: as above.
        Ok("ptrace") => unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) },
        _ => {
            use std::os::unix::process::CommandExt;
            panic!("{}", Command::new("/bin/true").exec())
        }
    });
}

#[test]
fn off_is_off_and_require_needs_all_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "secret").expect("written");
    let off = config(directory.path(), "off");
    assert!(inside(&off, |report| !report.restricts_files() && std::fs::read(&secret).is_ok()));
    let require = config(directory.path(), "require");
    std::thread::scope(|scope| {
        let entered = scope.spawn(|| enter(&require, &[]).map(|report| report.missing)).join();
        match entered.expect("no panic") {
            Ok(missing) => assert!(missing.is_empty()),
            Err(text) => assert!(text.contains("require"), "{text}"),
        }
    });
}

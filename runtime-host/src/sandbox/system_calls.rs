//! seccomp: which system calls may be made. Found by watching the host serve everything that the
//! end-to-end tests ask of it, plus what glibc calls on other machines for the same functions.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// Made without a look at the arguments.
const ALLOWED: &[libc::c_long] = &[
    // Descriptors that are there.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_flock,
    // Files to read: Landlock says which.
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_statx,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    // Memory: JavaScript's compilers write machine code.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    libc::SYS_pkey_alloc,
    libc::SYS_pkey_free,
    libc::SYS_pkey_mprotect,
    libc::SYS_get_mempolicy,
    libc::SYS_mbind,
    // Threads and their time.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_getattr,
    libc::SYS_sched_setattr,
    libc::SYS_getcpu,
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_restart_syscall,
    // Signals to this process; who else gets one is Landlock's to say, and see below.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigpending,
    libc::SYS_sigaltstack,
    // Waiting.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    // Connections; `socket` is below.
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    // What the machine is.
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    // Answered below, so that it is not refused here.
    libc::SYS_clone3,
];

/// Older forms of the same, which newer architectures do without.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[libc::c_long] = &[];

/// For files of the cache, where it has a directory: Landlock says where.
const CHANGING: &[libc::c_long] = &[
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_fdatasync,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

/// Nothing that this program is made of calls these: whoever does is no part of it. The process gets
/// SIGSYS, which it does not survive, and the Worker that ran is to blame.
const TRAPPED: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
];

/// The flags of `clone` that make namespaces.
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// The only questions to a descriptor: is it a terminal and how wide, what can be read, block or not.
/// Above all not the one that types into a terminal (`TIOCSTI`).
const IOCTLS: &[u64] =
    &[libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX];

/// What a process may change about itself: names of threads and of memory.
const PRCTLS: &[u64] =
    &[libc::PR_SET_NAME as u64, libc::PR_GET_NAME as u64, libc::PR_SET_VMA as u64];

/// TCP, UDP and Unix sockets. Not packets (`AF_PACKET`), not the kernel's own (`AF_NETLINK`: glibc asks
/// it for the machine's addresses when it looks a name up, and does without).
const FAMILIES: &[u64] = &[libc::AF_UNIX as u64, libc::AF_INET as u64, libc::AF_INET6 as u64];

/// `SOCK_NONBLOCK` and `SOCK_CLOEXEC` lie above the kinds of sockets.
const KIND: u64 = 0xf;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Result<T> = std::result::Result<T, BackendError>;

/// Restricts this thread and those it starts; `changes_files` leaves what the cache's files need.
pub fn restrict(changes_files: bool) -> std::result::Result<(), String> {
    let programs = programs(changes_files).map_err(|error| error.to_string())?;
    for program in &programs {
        seccompiler::apply_filter(program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The kernel asks all of them, and the strictest answer counts: trap, then refuse, then allow.
fn programs(changes_files: bool) -> Result<[BpfProgram; 3]> {
    let always = |calls: &[libc::c_long]| calls.iter().map(|call| (*call, Vec::new())).collect();
    let compile = |rules: Rules, others, these| -> Result<BpfProgram> {
        let arch: TargetArch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, others, these, arch)?.try_into()
    };
    let trapped: Rules = always(TRAPPED);
    // Its flags lie in memory, where a filter can't look. glibc then uses `clone`.
    let unknown: Rules = always(&[libc::SYS_clone3]);
    Ok([
        compile(unknown, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?,
        compile(trapped, SeccompAction::Allow, SeccompAction::Trap)?,
        compile(
            allowed(changes_files)?,
            SeccompAction::Errno(libc::EPERM as u32),
            SeccompAction::Allow,
        )?,
    ])
}

fn allowed(changes_files: bool) -> Result<Rules> {
    let changing = if changes_files { CHANGING } else { &[] };
    let calls = ALLOWED.iter().chain(ALLOWED_OLD).chain(changing);
    let mut rules: Rules = calls.map(|call| (*call, Vec::new())).collect();
    let me = u64::from(std::process::id());
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        rules.insert(call, vec![rule(vec![word(0, SeccompCmpOp::Eq, me)?])?]);
    }
    // The limits of this process (0 stands for it, as its number does), to read and to lower.
    let itself = [0, me].into_iter().map(|process| rule(vec![word(0, SeccompCmpOp::Eq, process)?]));
    rules.insert(libc::SYS_prlimit64, itself.collect::<Result<_>>()?);
    // Threads only, in the namespaces that are there.
    let thread = libc::CLONE_THREAD as u64;
    let flags = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(thread | NAMESPACES),
        thread,
    )?;
    rules.insert(libc::SYS_clone, vec![rule(vec![flags])?]);
    rules.insert(libc::SYS_ioctl, one_of(1, IOCTLS)?);
    rules.insert(libc::SYS_prctl, one_of(0, PRCTLS)?);
    let mut sockets = Vec::new();
    for family in FAMILIES {
        for kind in [libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64] {
            let kind = word(1, SeccompCmpOp::MaskedEq(KIND), kind)?;
            sockets.push(rule(vec![word(0, SeccompCmpOp::Eq, *family)?, kind])?);
        }
    }
    rules.insert(libc::SYS_socket, sockets);
    Ok(rules)
}

fn one_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>> {
    values.iter().map(|value| rule(vec![word(argument, SeccompCmpOp::Eq, *value)?])).collect()
}

/// A condition on the lower 32 bits of an argument: all that the kernel looks at for these calls.
fn word(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule> {
    SeccompRule::new(conditions)
}

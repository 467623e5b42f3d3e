//! `nano-host`: see [`nano_host::cli`].

/// An exchange allocates some dozen small things on one thread and may free them on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Before the allocator takes its first memory: it asks the kernel for pages of 2 MiB, of which the
/// supervisor would use a tenth of two. Whatever runs Workers asks for them again
/// ([`nano_host::supervisor::sys::allow_huge_pages`]).
#[used]
#[allow(unsafe_code)]
// SAFETY: the C runtime calls what stands in this section before `main`; the function needs nothing
// that is not there by then.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = nano_host::supervisor::sys::forbid_huge_pages;

fn main() -> std::process::ExitCode {
    nano_host::cli::run()
}

//! `nano-host`: see [`nano_host::cli`].

/// An exchange allocates some dozen small things on one thread and may free them on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    nano_host::cli::run()
}

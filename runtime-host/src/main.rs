//! `nano-host`: see [`nano_host::cli`].

fn main() -> std::process::ExitCode {
    nano_host::cli::run()
}

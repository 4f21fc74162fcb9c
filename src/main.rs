//! Maps what a command came to, to the exit code. Everything else is in the library.
fn main() {
    std::process::exit(pilothouse::cli::main(give_back));
}

/// Gives memory that nobody uses back to the system. The look before a start reads a whole namespace, and glibc keeps what
/// that took for the days a console may stand; other allocators give it back by themselves.
fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim takes no pointer, and any thread may call it at any time (malloc_trim(3), "MT-Safe").
    unsafe {
        libc::malloc_trim(0);
    }
}

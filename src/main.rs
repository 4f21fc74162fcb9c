//! Maps what a command came to, to the exit code. Everything else is in the library.
fn main() {
    std::process::exit(pilothouse::cli::main());
}

//! The program: everything is in the library, wired by its command line.

fn main() -> std::process::ExitCode {
    cutover::cli::main()
}

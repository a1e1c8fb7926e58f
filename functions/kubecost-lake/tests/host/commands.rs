//! The program, started as a user starts it.

use std::process::Command;

/// Runs the program; gives the exit status, the output and the errors.
pub(crate) fn run(arguments: &[&str], environment: &[(&'static str, String)]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kubecost-lake"))
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

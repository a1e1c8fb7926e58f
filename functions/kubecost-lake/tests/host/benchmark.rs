//! The benchmark itself, on a small amount of data.

use std::process::{Command, Output};

fn benchmark(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_benchmark"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn each_part_does_its_work_and_limits_are_kept() {
    let limited = |limit: &str| benchmark(&["--containers", "100", "--clusters", "20", "--max-memory-mib", limit]);
    let done = limited("1024");
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{done:?}");
    for part in [
        "exporter",
        "transform-60-columns",
        "transform",
        "plain-converter",
        "audit",
    ] {
        assert!(output.contains(part), "{output}");
    }
    assert!(!limited("1").status.success());
}

#[test]
fn each_cell_is_the_plain_converters() {
    for shape in ["generated", "varied", "opencost"] {
        let done = benchmark(&["--containers", "700", "--clusters", "0", "--shape", shape, "--check"]);
        let output = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "{shape}: {done:?}");
        assert!(output.contains(" cells are the plain converter's"), "{shape}: {output}");
    }
}

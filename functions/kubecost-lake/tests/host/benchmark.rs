//! The benchmark itself, on a small amount of data.

use std::process::Command;

#[test]
fn each_part_does_its_work_and_limits_are_kept() {
    let benchmark = |limit: &str| {
        Command::new(env!("CARGO_BIN_EXE_benchmark"))
            .args(["--containers", "100", "--clusters", "20"])
            .args(["--max-memory-mib", limit])
            .output()
            .unwrap()
    };
    let done = benchmark("1024");
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{done:?}");
    for part in ["exporter", "transform", "audit"] {
        assert!(output.contains(part), "{output}");
    }
    assert!(!benchmark("1").status.success());
}

//! The benchmark itself, on little.

use std::process::Command;

#[test]
fn each_part_does_its_work_and_limits_are_kept() {
    let benchmark = |limit: &str| {
        Command::new(env!("CARGO_BIN_EXE_kubecost-lake"))
            .args(["benchmark", "--containers", "100", "--clusters", "20"])
            .args(["--max-memory-mib", limit])
            .output()
            .unwrap()
    };
    let done = benchmark("1024");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{done:?}");
    for part in ["exporter", "transform", "audit"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!benchmark("1").status.success());
}

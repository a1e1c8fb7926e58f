//! Keys are made and parsed in this crate only: no other program spells a prefix or a name of the bucket.

use std::{fs, io, path::Path};

const SPELLINGS: [&str; 12] = [
    "\"staging/",
    "\"lake/",
    "\"assets/",
    "\"plans/",
    "\"quarantine/",
    "\"reports/",
    "account_id=",
    "manifest.json",
    "inventory.json",
    "run.json",
    "retired.json",
    ".snappy.parquet",
];

/// Lines of code before the unit tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn search(directory: &Path, found: &mut Vec<String>, files: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            search(&path, found, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *files += 1;
            let text = fs::read_to_string(&path)?;
            let lines = code(&text).filter(|line| SPELLINGS.iter().any(|spelling| line.contains(spelling)));
            found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    Ok(())
}

#[test]
fn no_other_code_spells_a_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut found, mut files) = (Vec::new(), 0);
    for programs in ["functions", "shared"] {
        for entry in fs::read_dir(root.join(programs)).unwrap() {
            let source = entry.unwrap().path().join("src");
            if source.is_dir() && !source.ends_with("contract/src") {
                search(&source, &mut found, &mut files).unwrap();
            }
        }
    }
    assert!(files > 50, "only {files} files were searched");
    assert!(
        found.is_empty(),
        "take these from contract::keys:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys");
    let mut found = Vec::new();
    search(&directory, &mut found, &mut 0).unwrap();
    for spelling in SPELLINGS {
        assert!(found.iter().any(|line| line.contains(spelling)), "{spelling}");
    }
}

//! No modules of a crate import each other in a circle, directly or through others.
//!
//! A module is a file. Imports of a module by its parents do not count: they declare it and re-export its items.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A path below the crate's root, as in `["source", "client"]`.
type Names = Vec<String>;

/// The modules of a crate with the words and signs of their code.
type Modules = BTreeMap<Names, Vec<String>>;

/// The words and signs of a file's code, without comments, strings and tests.
fn tokens(source: &str) -> Vec<String> {
    let mut rest = source.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("'\"'") {
            3
        } else if let Some(length) = string(rest) {
            length
        } else {
            let length = match first {
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            if !first.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string literal that a text begins with.
fn string(text: &str) -> Option<usize> {
    let raw = text
        .strip_prefix('r')
        .map(|text| text.len() - text.trim_start_matches('#').len());
    let begin = raw.map_or(0, |hashes| 1 + hashes);
    let content = text[begin..].strip_prefix('"')?;
    let end = match raw {
        Some(hashes) => format!("\"{}", "#".repeat(hashes)),
        None => "\"".to_owned(),
    };
    let mut is_escaped = false;
    let length = content.char_indices().find_map(|(index, c)| {
        let ends = !is_escaped && content[index..].starts_with(&end);
        is_escaped = raw.is_none() && c == '\\' && !is_escaped;
        ends.then_some(index)
    });
    Some(length.map_or(text.len(), |length| begin + 1 + length + end.len()))
}

/// The paths that begin at a token: one, or several where they branch in braces.
fn paths(tokens: &[String], at: usize) -> Vec<Names> {
    let mut found = Vec::new();
    let mut starts = vec![(Names::new(), at)];
    while let Some((mut path, mut at)) = starts.pop() {
        path.push(tokens[at].clone());
        while tokens.get(at + 1).is_some_and(|token| token == "::") {
            at += 2;
            match tokens[at].as_str() {
                "{" => {
                    let mut depth = 0;
                    for inner in at..tokens.len() {
                        let begins = inner > at && depth == 1 && ["{", ","].contains(&tokens[inner - 1].as_str());
                        match tokens[inner].as_str() {
                            "{" => depth += 1,
                            "}" => depth -= 1,
                            _ if begins => starts.push((path.clone(), inner)),
                            _ => {}
                        }
                        if depth == 0 {
                            break;
                        }
                    }
                    break;
                }
                name if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => path.push(name.to_owned()),
                _ => break,
            }
        }
        found.push(path);
    }
    found
}

/// A path of a module's code, from the crate's root; `None` if it leads out of the crate.
fn absolute(modules: &Modules, module: &Names, path: &[String]) -> Option<Names> {
    let (first, rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Names::new(),
        "self" => module.clone(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        name => {
            let child = [module.as_slice(), &[name.to_owned()]].concat();
            return modules.contains_key(&child).then(|| [child.as_slice(), rest].concat());
        }
    };
    for name in rest {
        if name == "super" {
            base.pop()?;
        } else {
            base.push(name.clone());
        }
    }
    Some(base)
}

/// What a module's `use` declarations name, from the crate's root.
fn uses(modules: &Modules, module: &Names) -> Vec<Names> {
    let tokens = &modules[module];
    let starts = (1..tokens.len()).filter(|at| tokens[at - 1] == "use");
    starts
        .flat_map(|at| paths(tokens, at))
        .filter_map(|path| absolute(modules, module, &path))
        .collect()
}

/// The module that an item is from: not one that only re-exports it.
fn origin(modules: &Modules, path: &Names) -> Names {
    let depth = (0..=path.len())
        .rev()
        .find(|depth| modules.contains_key(&path[..*depth]));
    let module = path[..depth.unwrap()].to_vec();
    let Some(item) = path.get(module.len()) else {
        return module;
    };
    let reexported = uses(modules, &module)
        .into_iter()
        .find(|used| used.last() == Some(item) && used.len() > module.len() + 1 && used.starts_with(&module));
    reexported.map_or(module, |used| origin(modules, &used))
}

/// A circle of imports, as in `a -> b -> a`.
fn circle(modules: &Modules) -> Option<String> {
    let mut imports: BTreeMap<&Names, BTreeSet<Names>> = BTreeMap::new();
    for (module, tokens) in modules {
        let of_crate = (0..tokens.len())
            .filter(|at| {
                ["crate", "super"].contains(&tokens[*at].as_str())
                    && tokens.get(at + 1).is_some_and(|next| next == "::")
            })
            .flat_map(|at| paths(tokens, at))
            .filter_map(|path| absolute(modules, module, &path));
        let found = of_crate.chain(uses(modules, module)).map(|path| origin(modules, &path));
        // Also leaves out the module itself.
        imports.insert(module, found.filter(|imported| !imported.starts_with(module)).collect());
    }
    // Removes the modules whose imports lead to no circle. Those that are left lead to a circle or are part of one.
    loop {
        let left: BTreeSet<Names> = imports.keys().map(|module| (*module).clone()).collect();
        imports.retain(|_, imported| imported.iter().any(|imported| left.contains(imported)));
        if imports.len() == left.len() {
            break;
        }
    }
    let mut way: Vec<&Names> = vec![imports.keys().next()?];
    loop {
        let last = way[way.len() - 1];
        let (next, _) = imports.iter().find(|(module, _)| imports[last].contains(**module))?;
        let begin = way.iter().position(|module| module == next);
        way.push(next);
        if let Some(begin) = begin {
            let name = |module: &&Names| {
                if module.is_empty() {
                    "crate".to_owned()
                } else {
                    module.join("::")
                }
            };
            return Some(way[begin..].iter().map(name).collect::<Vec<_>>().join(" -> "));
        }
    }
}

fn add_modules(modules: &mut Modules, folder: &Path, names: &Names) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let below = [names.as_slice(), &[stem.to_owned()]].concat();
        if path.is_dir() {
            add_modules(modules, &path, &below);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "main" {
            let module = if ["lib", "mod"].contains(&stem) {
                names.clone()
            } else {
                below
            };
            modules.insert(module, tokens(&fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn no_crate_has_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut circles = Vec::new();
    for group in ["functions", "shared"] {
        for entry in fs::read_dir(root.join(group)).unwrap() {
            let folder = entry.unwrap().path();
            let mut modules = Modules::new();
            add_modules(&mut modules, &folder.join("src"), &Names::new());
            let name = folder.file_name().unwrap().to_string_lossy();
            circles.extend(circle(&modules).map(|circle| format!("{name}: {circle}")));
        }
    }
    assert!(circles.is_empty(), "modules import each other: {circles:#?}");
}

#[test]
fn circles_are_found_through_groups_reexports_and_paths_in_code() {
    let circle_of = |files: &[(&str, &str)]| {
        let modules = files.iter().map(|(name, source)| {
            let names = name.split('/').filter(|name| !name.is_empty()).map(str::to_owned);
            (names.collect(), tokens(source))
        });
        circle(&modules.collect())
    };
    let a_and_b = Some("a -> b -> a");
    for (a, b, expected) in [
        ("use crate::{x::Y, b::{self, C}};", "use super::a::A;", a_and_b),
        ("fn f() { crate::b::g() }", "fn g() -> crate::a::A {}", a_and_b),
        ("use crate::B;", "use crate::a::A;", a_and_b),
        (
            "use crate::b::B;",
            "// crate::a\nconst T: &str = \"use crate::a::A;\";",
            None,
        ),
        ("use crate::b::B;", "#[cfg(test)]\nmod tests { use crate::a::A; }", None),
        ("use crate::b::B;", "use crate::ROOT;", None),
    ] {
        let root = "mod a; mod b; pub use b::B; pub const ROOT: u8 = 0; use a::A;";
        assert_eq!(
            circle_of(&[("", root), ("a", a), ("b", b)]).as_deref(),
            expected,
            "{a} {b}"
        );
    }
}

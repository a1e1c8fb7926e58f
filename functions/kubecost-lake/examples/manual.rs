//! Writes the completions of shells and the man pages of `kubecost-lake` into a directory, for releases:
//! `cargo run --example manual -- DIR`.

use std::{fs, io, path::Path, process::ExitCode};

use clap::Command;
use clap_complete::{Shell, generate_to};
use kubecost_lake::{command, output};

const NAME: &str = "kubecost-lake";

/// Writes `completions/` and `man/`.
fn write(directory: &Path) -> io::Result<()> {
    let (completions, manual) = (directory.join("completions"), directory.join("man"));
    fs::create_dir_all(&completions)?;
    fs::create_dir_all(&manual)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        generate_to(shell, &mut command::command(), NAME, &completions)?;
    }
    let mut command = command::command();
    command.build();
    write_pages(&command, NAME, &manual)
}

/// Writes the page of a command, and those of its subcommands.
fn write_pages(command: &Command, name: &str, directory: &Path) -> io::Result<()> {
    let page = clap_mangen::Man::new(command.clone().display_name(name)).title(name);
    let mut text = Vec::new();
    page.render(&mut text)?;
    fs::write(directory.join(format!("{name}.1")), text)?;
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| subcommand.get_name() != "help")
    {
        write_pages(subcommand, &format!("{name}-{}", subcommand.get_name()), directory)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory] = arguments.as_slice() else {
        output::error_line("expected one argument: the directory for completions and man pages");
        return ExitCode::from(2);
    };
    match write(Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error_line(format_args!("{directory}: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_completions_and_a_page_with_its_exit_statuses() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).unwrap();
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        let shells = [
            "kubecost-lake.bash",
            "_kubecost-lake",
            "kubecost-lake.fish",
            "_kubecost-lake.ps1",
        ];
        for command in command::command().get_subcommands() {
            let name = command.get_name();
            for shell in shells {
                assert!(read(&format!("completions/{shell}")).contains(name), "{shell}: {name}");
            }
            assert!(read(&format!("man/{NAME}-{name}.1")).contains(".TH"), "{name}");
        }
        assert!(read("man/kubecost-lake-verify.1").contains("something is missing or wrong"));
    }
}

//! Settings as flags of a command line, for clap. Behind the feature `command-line`: Lambda programs do not link it.

use clap::{Arg, ArgMatches, Command};

use crate::{
    row::{Origin, Setting},
    rows::Group,
};

/// Adds settings to a command under a heading: each as a flag whose value may also come from the environment.
pub fn add_to(command: Command, settings: Group, heading: &'static str) -> Command {
    settings
        .iter()
        .fold(command.next_help_heading(heading), |command, setting| {
            command.arg(argument(setting))
        })
}

/// One setting as a flag.
pub fn argument(setting: &'static Setting) -> Arg {
    let mut help = setting.help.to_owned();
    let default = [setting.default, setting.otherwise].concat();
    for (what, text) in [("allowed", setting.values.to_string()), ("default", default)] {
        if !text.is_empty() {
            help = format!("{help} [{what}: {text}]");
        }
    }
    let argument = Arg::new(setting.name)
        .long(setting.flag)
        .value_name(setting.value)
        .allow_hyphen_values(true)
        .help(help);
    match setting.origin {
        Origin::Environment => argument.env(setting.name).hide_env_values(true),
        Origin::Flag => argument,
    }
}

/// A look-up of settings by name, for [`Reader`](crate::Reader): what the command line or the environment says.
pub fn look_up<'a>(matches: &'a ArgMatches) -> impl Fn(&str) -> Option<String> + 'a {
    |name| matches.try_get_one::<String>(name).ok().flatten().cloned()
}

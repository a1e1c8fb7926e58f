//! The local host's process.

use std::process::ExitCode;

use kubecost_lake::command;

#[tokio::main]
async fn main() -> ExitCode {
    command::run(&command::command().get_matches()).await
}

//! The local host's process.

use std::process::ExitCode;

use kubecost_lake::{command, output};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let matches = command::command().get_matches();
    let mut builder = if command::is_single_threaded(&matches) {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(command::run(&matches)),
        Err(error) => {
            output::error_line(error);
            ExitCode::FAILURE
        }
    }
}

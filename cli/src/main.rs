//! The pycoroner command line: reads evidence, hands it to the libraries, redacts and renders what they say.

mod args;
mod cited;
mod clock_shift;
mod commands;
mod dead_process;
mod debuginfod;
mod digests;
mod documents;
mod evidence;
mod exit;
mod output;
mod progress;
mod redaction;
mod render;
mod rotation;
mod sniff;
mod time_window;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::Session;
use crate::exit::UNUSABLE;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let session = Session::new(&cli.common);
    let outcome = match &cli.command {
        Command::Analyze(args) => commands::analyze::run(&session, args),
        Command::Core(args) => commands::core::run(&session, args),
        Command::Heap(args) => commands::heap::run(&session, args),
        Command::Logs(args) => commands::logs::run(&session, args),
        Command::Report(args) => commands::report::run(&session, args),
        Command::Show(args) => commands::show::run(&session, args),
        Command::Verify(args) => commands::verify::run(&session, args),
        Command::Layout(args) => commands::layout::run(&session, args),
        Command::Schema(args) => commands::schema::run(&session, args),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            // When stderr is gone, nobody is left to tell.
            let _ = writeln!(std::io::stderr(), "pycoroner: {}", render::inert::inert(&format!("{error:#}")));
            ExitCode::from(UNUSABLE)
        }
    }
}

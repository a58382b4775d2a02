//! `pycoroner core`: process, verdict, threads, stacks, exceptions.

use anyhow::Result;
use pycoroner_coredump::{CaptureOptions, LocalsOf, capture};

use super::Session;
use crate::args::CoreArgs;
use crate::dead_process::with_process;
use crate::evidence::core_item;
use crate::exit::Outcome;
use crate::render::core::{Folding, render};
use crate::render::source_lines::SourceLines;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &CoreArgs) -> Result<Outcome> {
    let item = core_item(&args.core)?;
    session.output.spare([item.path.as_path()])?;
    let locals = if args.locals { LocalsOf::AllFrames } else { LocalsOf::NoFrame };
    let options = CaptureOptions {
        locals,
        native: args.native,
        depth: args.depth,
        items: args.max_items,
        text_bytes: usize::try_from(args.max_string).unwrap_or(usize::MAX),
    };
    let snapshot =
        with_process(&item, &args.binaries, |process, runtime| Ok(capture(process, runtime, &options)))?;
    let sources = SourceLines::new(args.binaries.sysroot.as_deref(), session.policy);
    let folding = if args.all { Folding::Unfolded } else { Folding::Folded };
    session.write_document(&snapshot, args.format, |document| {
        Ok(render(&serde_json::from_value(document)?, &sources, folding))
    })?;
    Ok(Outcome::of(&snapshot.gaps))
}

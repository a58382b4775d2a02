//! `pycoroner core`: process, verdict, threads, stacks, exceptions.

use anyhow::Result;
use pycoroner_coredump::{CaptureOptions, LocalsOf, capture};

use super::{Session, pretty};
use crate::args::{CoreArgs, CoreFormat};
use crate::dead_process::with_lean_process;
use crate::evidence::core_item;
use crate::exit::Outcome;
use crate::render::core::{Folding, render};
use crate::render::source_lines::SourceLines;
use crate::render::stacks;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &CoreArgs) -> Result<Outcome> {
    let item = core_item(&args.core)?;
    session.output.spare([item.path.as_path()])?;
    let locals = if args.locals { LocalsOf::AllFrames } else { LocalsOf::NoFrame };
    let options = CaptureOptions {
        locals,
        native: args.native,
        depth: args.values.depth,
        items: args.values.max_items,
        text_bytes: usize::try_from(args.values.max_string).unwrap_or(usize::MAX),
    };
    let snapshot =
        with_lean_process(&item, &args.binaries, |process, runtime| Ok(capture(process, runtime, &options)))?;
    let sources = SourceLines::new(args.binaries.sysroot.as_deref(), session.policy);
    let folding = if args.all { Folding::Unfolded } else { Folding::Folded };
    let by_ending = if session.output.ends_in("json") { CoreFormat::Json } else { CoreFormat::Text };
    session.write_redacted(&snapshot, |document| match args.format.unwrap_or(by_ending) {
        CoreFormat::Json => pretty(&document),
        CoreFormat::Text => Ok(render(&serde_json::from_value(document)?, &sources, folding)),
        CoreFormat::Speedscope => pretty(&stacks::speedscope(&serde_json::from_value(document)?)),
        CoreFormat::Folded => Ok(stacks::folded(&serde_json::from_value(document)?)),
    })?;
    Ok(Outcome::of(&snapshot.gaps))
}

//! `pycoroner heap CORE export`: the heap in the formats of other tools.

use anyhow::{Result, anyhow, bail};
use pycoroner_heap::{Export, Options, SnapshotOptions, SnapshotTotals};
use pycoroner_redact::{Ledger, Redactor};

use super::Session;
use super::heap::gaps_of_core;
use crate::args::{HeapArgs, HeapFormat};
use crate::dead_process::with_process;
use crate::evidence::core_item;
use crate::exit::Outcome;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &HeapArgs) -> Result<Outcome> {
    if !args.expressions.is_empty() {
        bail!("an export is of the whole heap; expressions go with object, path, referrers and referents");
    }
    let format = format(session, args)?;
    let item = core_item(&args.core)?;
    session.output.spare([item.path.as_path()])?;
    let options = Options { max_memory: args.memory.max_memory, ..Options::default() };
    let gaps = with_process(&item, &args.binaries, |process, runtime| {
        let runtime =
            runtime.map_err(|error| anyhow!("there is no Python whose objects could be read: {error}"))?;
        let export = Export::read(runtime, &options)?;
        write(session, args, format, &export)?;
        let mut gaps = gaps_of_core(process);
        gaps.extend(export.gaps());
        Ok(gaps)
    })?;
    // The formats have no place for them.
    for gap in &gaps {
        session.note(&format!("{}: {}", gap.what, gap.why));
    }
    Ok(Outcome::of(&gaps))
}

fn format(session: &Session, args: &HeapArgs) -> Result<HeapFormat> {
    let by_ending = || session.output.ends_in("heapsnapshot").then_some(HeapFormat::Heapsnapshot);
    match args.format.or_else(by_ending) {
        Some(format @ HeapFormat::Heapsnapshot) => Ok(format),
        _ => bail!("say what to write: --format heapsnapshot, or -o FILE.heapsnapshot"),
    }
}

fn write(session: &Session, args: &HeapArgs, format: HeapFormat, export: &Export<'_, '_>) -> Result<()> {
    let redactor = Redactor::new(session.policy);
    let mut ledger = Ledger::default();
    let mut mask = |text: &str| redactor.text(text, &mut ledger).into_owned();
    if format == HeapFormat::Heapsnapshot {
        let options =
            SnapshotOptions { most_objects: args.folding.max_objects, fold_below: args.folding.fold_below };
        let totals = session.output.stream(|to| export.heap_snapshot(to, &options, &mut mask))?;
        if let Some(totals) = totals {
            session.note(&said(&totals));
        }
    }
    if ledger.total() > 0 {
        session.note(&format!("{} secrets are masked", ledger.total()));
    }
    Ok(())
}

/// What is in a snapshot, and what is folded in it.
fn said(totals: &SnapshotTotals) -> String {
    let SnapshotTotals { nodes, edges, objects, folded, fold_below, bytes, bytes_cut } = totals;
    let mut said = format!("{objects} objects of {bytes} bytes in {nodes} nodes with {edges} edges");
    if *folded > 0 {
        said.push_str(&format!(
            "; {folded} of them, which keep less than {fold_below} bytes alive, are folded into others"
        ));
    }
    if *bytes_cut > 0 {
        said.push_str(&format!("; sizes of 4 GiB and more are cut by {bytes_cut} bytes in all"));
    }
    said
}

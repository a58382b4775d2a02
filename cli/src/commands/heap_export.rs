//! `pycoroner heap CORE export`: the heap in the formats of other tools.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use pycoroner_heap::{Export, SnapshotOptions, SnapshotTotals};
use pycoroner_redact::{Ledger, Redactor};

use super::Session;
use super::heap::{gaps_of_core, with_heap};
use crate::args::{Folding, HeapArgs, HeapFormat};
use crate::exit::Outcome;
use crate::output::file_in;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &HeapArgs) -> Result<Outcome> {
    if !args.expressions.is_empty() {
        bail!("an export is of the whole heap; expressions go with object, path, referrers and referents");
    }
    let format = format(session, args)?;
    let (said, gaps) = with_heap(session, args, |process, runtime, options| {
        let export = Export::read(runtime, options)?;
        let said = write(session, args, format, &export)?;
        let mut gaps = gaps_of_core(process);
        gaps.extend(export.gaps());
        Ok((said, gaps))
    })?;
    for note in &said {
        session.note(note);
    }
    session.note_gaps(&gaps);
    Ok(Outcome::of(&gaps))
}

/// The formats that are an export's own.
#[derive(Clone, Copy)]
enum Format {
    HeapSnapshot,
    Parquet,
    JsonLines,
}

fn format(session: &Session, args: &HeapArgs) -> Result<Format> {
    let ends_in = |ending: &str| session.output.ends_in(ending);
    match args.format {
        Some(HeapFormat::Heapsnapshot) => Ok(Format::HeapSnapshot),
        Some(HeapFormat::Parquet) => Ok(Format::Parquet),
        Some(HeapFormat::Jsonl) => Ok(Format::JsonLines),
        None if ends_in("heapsnapshot") => Ok(Format::HeapSnapshot),
        None if ends_in("parquet") => Ok(Format::Parquet),
        None if ends_in("jsonl") => Ok(Format::JsonLines),
        _ => bail!(
            "say what to write: --format heapsnapshot, parquet or jsonl, or a file that ends so, -o core.heapsnapshot"
        ),
    }
}

/// Writes the export; what there is to say of it is said when the progress line has gone.
fn write(session: &Session, args: &HeapArgs, format: Format, export: &Export<'_, '_>) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let redactor = Redactor::new(session.policy);
    let mut ledger = Ledger::default();
    let mut mask = |text: &str| redactor.text(text, &mut ledger).into_owned();
    match format {
        Format::HeapSnapshot => {
            let Folding { max_objects, fold_below } = args.folding;
            let options = SnapshotOptions { most_objects: max_objects, fold_below };
            let totals = session.output.stream(|to| export.heap_snapshot(to, &options, &mut mask))?;
            notes.extend(totals.as_ref().map(said));
        }
        Format::JsonLines => {
            session.output.stream(|to| export.json_lines(to, &mut mask))?;
        }
        Format::Parquet => session.output.folder(|folder| {
            file_in(folder, "types.parquet", |to| export.parquet_types(to, &mut mask))?;
            file_in(folder, "objects.parquet", |to| export.parquet_objects(to, &mut mask))?;
            file_in(folder, "edges.parquet", |to| export.parquet_edges(to, &mut mask))
        })?,
    }
    if ledger.total() > 0 {
        notes.push(format!("{} secrets are masked", ledger.total()));
    }
    Ok(notes)
}

/// What is in a snapshot, and what is folded in it.
fn said(totals: &SnapshotTotals) -> String {
    let SnapshotTotals { nodes, edges, objects, folded, fold_below, bytes, bytes_cut } = totals;
    let mut said = format!("{objects} objects of {bytes} bytes in {nodes} nodes with {edges} edges");
    if *folded > 0 {
        let _ = write!(
            said,
            "; {folded} of them, which keep less than {fold_below} bytes alive, are folded into others"
        );
    }
    if *bytes_cut > 0 {
        let _ = write!(said, "; sizes of 4 GiB and more are cut by {bytes_cut} bytes in all");
    }
    said
}

//! `pycoroner heap CORE objects`: the objects that a filter asks for.

use std::io;

use anyhow::{Context, Result, bail};
use pycoroner_heap::{Export, Filter, MatchesDocument, Order};
use pycoroner_redact::{Ledger, Redactor};

use super::Session;
use super::heap::{document_format, gaps_of_core, with_heap};
use crate::args::{HeapArgs, HeapFormat, SortKey};
use crate::exit::Outcome;
use crate::render::matches::render;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &HeapArgs) -> Result<Outcome> {
    if !args.expressions.is_empty() {
        bail!(
            "say which objects by --where: `--where 'address=0x7f3a5c0e1d40'`, `--where 'under=shop.cache'`"
        );
    }
    let refused = || format!("--where {:?} cannot be followed", args.choice.filter);
    let filter = Filter::parse(&args.choice.filter).with_context(refused)?;
    let order = match args.choice.sort {
        SortKey::Retained => Order::Retained,
        SortKey::Size => Order::Size,
        SortKey::Kept => Order::Kept,
        SortKey::Refs => Order::References,
    };
    let limit = if args.choice.limit == 0 { usize::MAX } else { args.choice.limit };
    let document = with_heap(session, args, |process, runtime, options| {
        let export = Export::read(runtime, options)?;
        let mut document = export.matches(&filter, order, limit).with_context(refused)?;
        document.gaps.splice(0..0, gaps_of_core(process));
        Ok(document)
    })?;
    let is_lines = match args.format {
        Some(format) => format == HeapFormat::Jsonl,
        None => session.output.ends_in("jsonl"),
    };
    if is_lines {
        write_lines(session, &document)?;
    } else {
        session.write_document(&document, document_format(args.format)?, |document| {
            Ok(render(&serde_json::from_value(document)?))
        })?;
    }
    Ok(Outcome::of(&document.gaps))
}

/// One object a line.
fn write_lines(session: &Session, document: &MatchesDocument) -> Result<()> {
    let redactor = Redactor::new(session.policy);
    let mut ledger = Ledger::default();
    session.output.stream(|to| {
        for row in &document.matches {
            let mut row = serde_json::to_value(row).map_err(io::Error::other)?;
            redactor.json(&mut row, &mut ledger);
            writeln!(to, "{row}")?;
        }
        Ok(())
    })?;
    session.note_gaps(&document.gaps);
    if document.left_out > 0 {
        session.note(&format!("{} more objects fit (--limit)", document.left_out));
    }
    Ok(())
}

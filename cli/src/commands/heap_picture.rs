//! `pycoroner heap CORE path|object EXPR --format dot|svg`: paths to an object, and what is around it, as pictures.

use anyhow::{Context, Result, anyhow, bail};
use pycoroner_heap::{Export, Inquiry, Question};
use pycoroner_redact::{Ledger, Redactor};

use super::Session;
use super::heap::{gaps_of_core, with_heap};
use crate::args::{HeapArgs, HeapFormat};
use crate::exit::Outcome;

/// The languages of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Dot,
    Svg,
}

/// Boxes on either side of an object.
const MOST_AROUND: usize = 16;

/// Which picture is asked for, if any.
pub(super) fn format(session: &Session, args: &HeapArgs, question: Question) -> Option<Format> {
    if !matches!(question, Question::Object | Question::Path) {
        return None;
    }
    match args.format {
        Some(HeapFormat::Dot) => Some(Format::Dot),
        Some(HeapFormat::Svg) => Some(Format::Svg),
        None if session.output.ends_in("dot") => Some(Format::Dot),
        None if session.output.ends_in("svg") => Some(Format::Svg),
        _ => None,
    }
}

/// Runs the command.
pub(super) fn run(session: &Session, args: &HeapArgs, question: Question, format: Format) -> Result<Outcome> {
    let [expression] = args.expressions.as_slice() else { bail!("a picture is of one object") };
    let gaps = with_heap(session, args, |process, runtime, options| {
        let found = Inquiry::new(runtime)?.resolve(expression);
        let address =
            found.map_err(|error| anyhow!("{expression}: column {}: {}", error.column, error.why))?;
        let export = Export::read(runtime, options)?;
        let redactor = Redactor::new(session.policy);
        let mut ledger = Ledger::default();
        let mut mask = |text: &str| redactor.text(text, &mut ledger).into_owned();
        let picture = match question {
            Question::Path => export.picture_of_paths(address, args.max_paths, &mut mask),
            _ => export.picture_around(address, args.values.max_items.min(MOST_AROUND), &mut mask),
        };
        let picture =
            picture.with_context(|| format!("{expression} is not among the objects of the heap"))?;
        session.output.write(&match format {
            Format::Dot => picture.dot(),
            Format::Svg => picture.svg(),
        })?;
        let mut gaps = gaps_of_core(process);
        gaps.extend(export.gaps());
        Ok(gaps)
    })?;
    session.note_gaps(&gaps);
    Ok(Outcome::of(&gaps))
}

//! Single objects of a heap as text: what they are, which paths lead to them, what they refer to.

use std::fmt::Write as _;

use super::closing;
use super::frames::shown_repr;
use super::inert::inert;
use super::quantity::{bytes, count, counted};
use super::style::{BAD, FAINT, NAME, STRONG, WARN};
use crate::documents::heap::{InquiryDocument, ObjectRow, ReferenceRow, ReferencesRow, RoutesRow};

/// Renders a redacted document.
pub(crate) fn render(document: &InquiryDocument) -> String {
    let mut out = String::new();
    for object in &document.objects {
        write_object(&mut out, object);
    }
    for row in &document.paths {
        write_routes(&mut out, row);
    }
    for row in &document.referrers {
        write_references(&mut out, row, "referrers", "referrer");
    }
    for row in &document.referents {
        write_references(&mut out, row, "references", "reference");
    }
    for row in &document.unresolved {
        let (expr, why) = (inert(&row.expr), inert(&row.why));
        let _ = writeln!(out, "{BAD}{expr}{BAD:#}\n  column {}: {why}\n", row.column);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    closing::write(&mut out, &[], &document.gaps, &document.redactions);
    out
}

fn write_head(out: &mut String, path: &str, type_name: &str, address: &str) {
    let (path, type_name, address) = (inert(path), inert(type_name), inert(address));
    let _ = writeln!(out, "{STRONG}{path}{STRONG:#}  {NAME}{type_name}{NAME:#} {FAINT}at {address}{FAINT:#}");
}

fn write_object(out: &mut String, object: &ObjectRow) {
    write_head(out, &object.expr, &object.type_name, &object.address);
    let mut facts = Vec::new();
    facts.extend(object.length.map(|length| format!("length {}", count(length))));
    facts.extend(object.shape.as_ref().map(|shape| {
        let lengths: Vec<String> = shape.iter().map(ToString::to_string).collect();
        format!("shape ({})", lengths.join(" × "))
    }));
    facts.extend(object.buffer_bytes.map(|size| format!("buffer {}", bytes(size))));
    facts.extend(object.shallow_bytes.map(|size| format!("own size {}", bytes(size))));
    let kept = object.retained_bytes.zip(object.retained_objects);
    facts.extend(
        kept.map(|(size, objects)| format!("keeps {} alive in {}", bytes(size), counted(objects, "object"))),
    );
    if !facts.is_empty() {
        let _ = writeln!(out, "  {}", facts.join(", "));
    }
    if let Some(path) = object.path.as_ref().filter(|path| **path != object.expr) {
        let _ = writeln!(out, "  {FAINT}shortest path{FAINT:#} {}", inert(path));
    }
    let _ = writeln!(out, "  = {}", shown_repr(&object.repr, false));
    for attribute in &object.attributes {
        let _ = writeln!(out, "    .{} = {}", inert(&attribute.name), shown_repr(&attribute.repr, false));
    }
    if object.attributes_left_out > 0 {
        let more = counted(object.attributes_left_out, "more attribute");
        let _ = writeln!(out, "    {FAINT}and {more} (--max-items){FAINT:#}");
    }
    out.push('\n');
}

fn write_routes(out: &mut String, row: &RoutesRow) {
    write_head(out, &row.expr, &row.type_name, &row.address);
    if row.routes.is_empty() {
        let why = if row.is_reachable {
            "no path with a name leads to it"
        } else {
            "nothing keeps it alive: garbage in a cycle"
        };
        let _ = writeln!(out, "  {WARN}{why}{WARN:#}");
    }
    for route in &row.routes {
        let _ = writeln!(out, "  {FAINT}{:>3} steps{FAINT:#}  {}", route.steps, inert(&route.path));
    }
    out.push('\n');
}

fn write_references(out: &mut String, row: &ReferencesRow, what: &str, one: &str) {
    write_head(out, &row.expr, &row.type_name, &row.address);
    let _ = writeln!(out, "  {FAINT}{what}:{FAINT:#} {}", count(row.total));
    for reference in &row.references {
        write_reference(out, reference);
    }
    if row.left_out > 0 {
        let more = counted(row.left_out, &format!("more {one}"));
        let _ = writeln!(out, "  {FAINT}and {more} (--max-items){FAINT:#}");
    }
    out.push('\n');
}

fn write_reference(out: &mut String, reference: &ReferenceRow) {
    let (edge, kind) = (inert(&reference.edge), inert(&reference.kind));
    let Some(address) = &reference.address else {
        let _ = writeln!(out, "  {WARN}{edge}{WARN:#}  {FAINT}({kind}){FAINT:#}");
        return;
    };
    let type_name = inert(reference.type_name.as_deref().unwrap_or("?"));
    let _ = write!(out, "  {edge}  {NAME}{type_name}{NAME:#} {FAINT}at {} ({kind})", inert(address));
    if let Some(size) = reference.shallow_bytes {
        let _ = write!(out, ", own size {}", bytes(size));
    }
    if let Some(size) = reference.retained_bytes {
        let _ = write!(out, ", keeps {}", bytes(size));
    }
    let _ = writeln!(out, "{FAINT:#}");
    if let Some(path) = &reference.path {
        let _ = writeln!(out, "      {FAINT}path{FAINT:#} {}", inert(path));
    }
}

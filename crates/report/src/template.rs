//! Reports from templates: the built-in one, and those of teams.
//!
//! A template is written by people who are trusted, and filled with evidence by people who are not. So every string
//! of the evidence is made inert when it is written, whatever the template says: there is no way to switch it off.

use std::io::{self, Write};

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use crate::Incident;
use crate::markdown::{code, parts, prose};

/// The built-in report.
const BUILT_IN: &str = include_str!("report.md.jinja");
/// Steps of a template, about one for each instruction.
const MOST_STEPS: u64 = 5_000_000;
/// A report is no longer than this, in bytes.
const LONGEST: usize = 64 << 20;

/// Why a template does not render.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct TemplateError(#[from] Error);

/// Renders an incident as Markdown, as GitHub and GitLab show it.
pub fn render_markdown(incident: &Incident) -> String {
    // The built-in template renders for any incident; were it broken, every test would say so.
    render_template(incident, BUILT_IN)
        .unwrap_or_else(|error| format!("The report could not be rendered: {error}\n"))
}

/// Fills in a template of a team's own, in the syntax of Jinja.
///
/// It has `parts`, the parts of the built-in report as Markdown, and `incident`, the document; see
/// `docs/templates.md`. Strings of the evidence are escaped for Markdown wherever they are written.
///
/// # Errors
/// When the template cannot be parsed, does something that cannot be done, or takes too long.
pub fn render_template(incident: &Incident, template: &str) -> Result<String, TemplateError> {
    let environment = environment();
    let parts: Value =
        parts(incident).into_iter().map(|(name, part)| (name, Value::from_safe_string(part))).collect();
    let context = minijinja::context! { parts, incident => Value::from_serialize(incident) };
    let mut page = Page { bytes: Vec::new() };
    environment.template_from_str(template)?.render_captured_to(context, &mut page)?;
    let text = String::from_utf8_lossy(&page.bytes).into_owned();
    Ok(format!("{}\n", text.trim_end()))
}

/// What templates can do: no file is read, no string passes as Markdown, and no loop is endless.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // It would let evidence pass as Markdown.
    for filter in ["safe", "escape", "e", "tojson"] {
        environment.remove_filter(filter);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("markdown"));
    environment.set_formatter(write_inert);
    environment.set_fuel(Some(MOST_STEPS));
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_filter("code", |value: String| Value::from_safe_string(code(&value).as_str().to_owned()));
    environment
}

/// Writes a value: our own Markdown as it is, all else as text.
fn write_inert(out: &mut Output, _: &State, value: &Value) -> Result<(), Error> {
    let written = if value.is_undefined() || value.is_none() {
        Ok(())
    } else if value.is_safe() {
        out.write_str(value.as_str().unwrap_or_default())
    } else {
        out.write_str(prose(&value.to_string()).as_str())
    };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "the report is too long"))
}

/// A report that grows up to a bound.
struct Page {
    bytes: Vec<u8>,
}

impl Write for Page {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(more.len()) > LONGEST {
            return Err(io::Error::other("the report is too long"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

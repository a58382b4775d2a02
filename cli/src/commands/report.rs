//! `pycoroner report`: an incident document into a report, without its evidence.

use anyhow::{Context, Result, bail};
use pycoroner_redact::Redactor;
use pycoroner_report::{Incident, SCHEMA};

use super::{Session, analyze};
use crate::args::ReportArgs;
use crate::exit::Outcome;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &ReportArgs) -> Result<Outcome> {
    let shown = args.incident.display();
    session.output.spare([args.incident.as_path()])?;
    let text = std::fs::read_to_string(&args.incident)
        .with_context(|| format!("cannot read {shown}; check the path of the incident"))?;
    let incident: Incident = serde_json::from_str(&text).with_context(|| {
        format!("{shown} is no incident; give what pycoroner analyze --format json has written")
    })?;
    if incident.schema != SCHEMA {
        bail!("{shown} is a document {:?} and no {SCHEMA}", incident.schema);
    }
    // It may have been written with --redact off.
    let incident = incident.masked(Redactor::new(session.policy));
    analyze::write(session, &args.form, incident)?;
    Ok(Outcome::Complete)
}

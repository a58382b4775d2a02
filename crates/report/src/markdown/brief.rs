//! The whole report in one sentence: what stopped, when and where, and why most probably.

use pycoroner_findings::Confidence;

use super::clock::dated_moment;
use super::inert::{Inert, code, prose};

use super::{crash, glance};
use crate::causes::uncapitalized;
use crate::sections::CoreSection;
use crate::views::end;
use crate::views::repeated::{others, repeated};
use crate::{Cause, Incident, Role};

/// Most other ends that are named.
const MOST_OTHERS: usize = 2;

/// What stopped, and why; the rows below it add to that and do not repeat it.
pub(crate) fn sentence(incident: &Incident) -> Inert {
    let Some(cause) = incident.causes.first() else { return Inert::default() };
    let why = why(cause);
    let alike = repeated(incident).map_or_else(Inert::default, |finding| {
        Inert::from(" It was not the only one: ").then(prose(&uncapitalized(&finding.title))).then(".")
    });
    let short = Inert::from("**In short:** ").then(what(incident)).then("; ").then(why).then(".").then(alike);
    short.then(otherwise(incident))
}

/// What else ended, so that nobody takes one of several ends for the only one.
fn otherwise(incident: &Incident) -> Inert {
    let others = others(incident);
    let told = others.iter().take(MOST_OTHERS).map(|finding| prose(&uncapitalized(&finding.title)));
    let more = others.len().saturating_sub(MOST_OTHERS);
    let more = if more == 0 { Inert::default() } else { Inert::from(more).then(" more") };
    let told = Inert::join(told.chain([more]), "; ");
    if told.is_empty() { told } else { Inert::from(" Another end is told, too: ").then(told).then(".") }
}

fn why(cause: &Cause) -> Inert {
    if cause.id == "unknown" {
        return "the evidence does not show why".into();
    }
    let certainty = match (cause.role, cause.confidence) {
        (Role::ContributingFactor | Role::Consequence, _) => {
            "why is not known, a contributing factor may be: "
        }
        (_, Confidence::Certain | Confidence::Strong) => "most probably: ",
        (_, Confidence::Moderate) => "probably: ",
        (_, Confidence::Weak) => "perhaps: ",
    };
    Inert::from("**").then(certainty).then(prose(&uncapitalized(&cause.statement))).then("**")
}

fn what(incident: &Incident) -> Inert {
    let at = incident.died_at.map_or_else(Inert::default, |at| {
        let about = if at.uncertainty_ms > 1000 { " at about " } else { " at " };
        Inert::from(about).then(dated_moment(at)).then(" UTC")
    });
    match &incident.core {
        Some(core) => of_core(incident, core, &at),
        None => of_event(incident, &at),
    }
}

fn of_core(incident: &Incident, core: &CoreSection, at: &Inert) -> Inert {
    let pid = core.process.pid.map_or_else(|| "a process".into(), |pid| Inert::from("process ").then(pid));
    if crash::is_alive(core) {
        return pid.then(" had not crashed when its core was taken").then(at.clone());
    }
    let signal = core.crash.as_ref().and_then(|crash| crash.signal_name.as_deref());
    let died = match signal {
        Some(signal) => pid.then(" died of ").then(prose(signal)),
        None => pid.then(" stopped"),
    };
    let place = glance::where_it_stopped(incident).map_or_else(Inert::default, |(thread, frame)| {
        Inert::from(" in ").then(glance::point(frame)).then(glance::caller(thread, frame))
    });
    died.then(at.clone()).then(place)
}

/// What the event of the end says, when there is no core.
fn of_event(incident: &Incident, at: &Inert) -> Inert {
    let Some(event) = end::event(incident) else {
        return end::exception(incident).map_or_else(
            || "what stopped is not known: no source tells of an end".into(),
            |exception| Inert::from("a Python process stopped with ").then(code(&exception.statement)),
        );
    };
    let who = match (event.pid, &*event.kind) {
        (Some(pid), "worker-killed" | "worker-timeout") => Inert::from("worker process ").then(pid),
        (Some(pid), _) => Inert::from("process ").then(pid),
        (None, "container-ended" | "pod-ended") => "a container".into(),
        (None, _) => "a process".into(),
    };
    let service =
        incident.telemetry.as_ref().and_then(|telemetry| telemetry.context.as_ref()?.service.as_deref());
    let service = service.map_or_else(Inert::default, |name| Inert::from(" of ").then(code(name)));
    who.then(service).then(" ").then(prose(&end::as_verb(event))).then(at.clone())
}

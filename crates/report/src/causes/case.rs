//! What the rules judge: the findings, and which of them are about the process that is looked at.

use std::collections::BTreeSet;

use pycoroner_findings::{Finding, signals};

use crate::Incident;
use crate::sections::NativePlace;
use crate::views::{end, owner, targets};

/// The findings of an incident, with what tells whose they are.
#[derive(Debug, Default)]
pub(crate) struct Case<'a> {
    findings: &'a [Finding],
    incident: Option<&'a Incident>,
    /// The numbers of the process: in its core and in the logs, which differ in containers.
    pids: BTreeSet<u64>,
    /// Targets of metrics that are shown to be other processes.
    other_targets: BTreeSet<String>,
}

impl<'a> Case<'a> {
    /// The case of an incident whose findings are complete.
    pub(crate) fn of(incident: &'a Incident) -> Self {
        let core = incident.core.as_ref().and_then(|core| core.process.pid);
        let logged = incident.logs.as_ref().and_then(|logs| logs.process.as_ref()?.log_pid);
        // Without a core, a report is about the process whose end it tells.
        let ended = || end::event(incident)?.pid;
        let core = if incident.core.is_some() { core } else { ended() };
        Self {
            findings: &incident.findings,
            incident: Some(incident),
            pids: core.into_iter().chain(core.and(logged)).collect(),
            other_targets: targets::others(incident),
        }
    }

    /// The case of findings alone, about the process `pid`.
    #[cfg(test)]
    pub(super) fn of_findings(findings: &'a [Finding], pid: Option<u64>) -> Self {
        Self { findings, pids: pid.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn finding(&self, index: usize) -> Option<&'a Finding> {
        self.findings.get(index)
    }

    /// The findings of a kind: those about this process, or, where none is, those about others.
    pub(super) fn of_kind(&self, id: &str) -> Vec<usize> {
        let own = self.own(id);
        if own.is_empty() { self.all(id).collect() } else { own }
    }

    /// The findings of a kind that are about this process.
    pub(super) fn own(&self, id: &str) -> Vec<usize> {
        self.all(id).filter(|index| !self.is_others(*index)).collect()
    }

    /// Whether a finding of a kind is about this process.
    pub(super) fn found(&self, id: &str) -> bool {
        self.all(id).any(|index| !self.is_others(index))
    }

    /// The first finding of a kind, of this process where there is one.
    pub(super) fn first(&self, id: &str) -> Option<&'a Finding> {
        self.finding(*self.of_kind(id).first()?)
    }

    fn all<'s>(&'s self, id: &'s str) -> impl Iterator<Item = usize> + 's {
        self.findings.iter().enumerate().filter(move |(_, finding)| finding.id == id).map(|(index, _)| index)
    }

    /// Whether a finding is about a process, or a target of metrics, and not about this one.
    pub(crate) fn is_others(&self, index: usize) -> bool {
        let Some(finding) = self.findings.get(index) else { return false };
        if self.is_of_another_signal(finding) {
            return true;
        }
        let Some(subject) = finding.subject.as_deref() else { return false };
        let named = subject.strip_prefix("process ").and_then(|pid| pid.parse::<u64>().ok());
        named.is_some_and(|pid| !self.pids.is_empty() && !self.pids.contains(&pid))
            || self.is_of_other_target(index)
    }

    /// Whether a finding is about metrics of another process.
    pub(super) fn is_of_other_target(&self, index: usize) -> bool {
        let subject = self.findings.get(index).and_then(|finding| finding.subject.as_deref());
        subject.is_some_and(|subject| self.other_targets.contains(subject))
    }

    /// Whether a dump in the log is of another signal than the one that ended the process.
    fn is_of_another_signal(&self, finding: &Finding) -> bool {
        let crash = self.incident.and_then(|incident| incident.core.as_ref()?.crash.as_ref());
        let own = crash.and_then(|crash| crash.signal_name.as_deref());
        let dumped = signals::FATAL_ERRORS.iter().find(|(words, _)| finding.title.contains(words));
        let named = dumped.and_then(|(_, signal)| signals::name(*signal));
        finding.id == "fatal-error-logged" && own.is_some() && named.is_some() && own != named
    }

    /// Whether the process still ran when its core was taken, so that commands can be about it.
    pub(super) fn living_pid(&self) -> Option<u64> {
        let core = self.incident?.core.as_ref()?;
        core.process.pid.filter(|_| core.is_alive())
    }

    /// The native code in which the process failed: of the extension, or the instruction itself.
    pub(super) fn native_place(&self) -> Option<&'a NativePlace> {
        let crash = self.incident?.core.as_ref()?.crash.as_ref()?;
        let is_known = |place: &&NativePlace| place.module.is_some() && place.offset.is_some();
        crash.extension.as_ref().filter(is_known).or(crash.instruction.as_ref().filter(is_known))
    }

    /// The place of the heap that holds most, as its findings name it.
    pub(super) fn heap_place(&self) -> Option<&'a str> {
        ["heap-grown", "heap-leak-suspect"].iter().find_map(|id| self.first(id)?.subject.as_deref())
    }

    /// Where that place is added to, as far as something shows it: `open_session at /srv/shop/sessions.py:19`.
    pub(super) fn adding_site(&self) -> Option<String> {
        owner::adding_site(self.incident?, self.heap_place()?)
    }

    /// Times of the death, as commands take them.
    pub(super) fn journal_span(&self) -> String {
        self.incident
            .map_or_else(|| "--since 'FROM' --until 'TO'".to_owned(), crate::views::missing::journal_span)
    }
}

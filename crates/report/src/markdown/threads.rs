use super::inert::{Inert, code, html, prose};
use super::page::Page;
use super::quantity::count;
use super::{cite, crash};
use crate::sections::{CoreSection, Deadlock, Lock, PythonFrame, Task, Thread};
use crate::{Incident, views};

/// Most groups of threads, locks and tasks that are shown.
const MOST_ROWS: usize = 30;

/// The other threads, equal stacks folded; locks, deadlocks and tasks.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    let Some(core) = &incident.core else { return };
    let crashed = views::threads::crashed(incident).map(std::ptr::from_ref);
    let others: Vec<&Thread> =
        core.threads.iter().filter(|thread| Some(std::ptr::from_ref(*thread)) != crashed).collect();
    if !others.is_empty() {
        let heading = if crashed.is_some() { "Other threads (" } else { "All threads (" };
        page.heading(3, Inert::from(heading).then(others.len()).then(")"));
        let groups = views::threads::groups(&others);
        for group in groups.iter().take(MOST_ROWS) {
            page.details(summary(group), |page| page.code(&crash::stack(group[0])));
        }
        if groups.len() > MOST_ROWS {
            page.paragraph(
                count(groups.len() - MOST_ROWS, "more group is", "more groups are").then(" not shown."),
            );
        }
    }
    locks(page, core);
    tasks(page, core);
    memory_logs(page, core);
}

fn summary(group: &[&Thread]) -> Inert {
    let names = group.iter().take(5).map(|thread| {
        let id = thread.tid.map_or_else(|| "?".into(), Inert::from);
        match &thread.name {
            Some(name) => html(name).then(" (").then(id).then(")"),
            None => id,
        }
    });
    let names = Inert::join(names, ", ").then(if group.len() > 5 { ", …" } else { "" });
    let innermost = group[0].python_frames.first().map_or_else(
        || "no Python frame".into(),
        |frame| Inert::from("in <code>").then(html(frame.function.as_deref().unwrap_or("?"))).then("</code>"),
    );
    let marks = [(group[0].holds_gil, "holds the GIL"), (group[0].collecting_garbage, "collects garbage")];
    let marks = Inert::join(marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark.into()), ", ");
    let head = count(group.len(), "thread", "threads").then(": ").then(names);
    Inert::join([head, innermost, waiting(group[0]), marks], "; ")
}

fn waiting(thread: &Thread) -> Inert {
    if let Some(state) = &thread.state {
        return html(state);
    }
    let Some(waiting) = &thread.waiting_on else { return Inert::default() };
    let kind = html(waiting.kind.as_deref().unwrap_or("something"));
    let path = waiting.path.as_deref().map_or_else(Inert::default, html);
    let owner = waiting.owner_tid.map_or_else(Inert::default, |tid| Inert::from("held by thread ").then(tid));
    Inert::from("waits on ").then(Inert::join([kind, path, owner], " "))
}

/// Who waits for whom, circle by circle.
pub(crate) fn deadlocks(page: &mut Page, core: &CoreSection) {
    for deadlock in core.deadlocks.iter().take(MOST_ROWS) {
        page.heading(3, count(deadlock.tids.len(), "thread in a circle", "threads in a circle"));
        let owners = deadlock.tids.iter().cycle().skip(1);
        let rows = deadlock.tids.iter().zip(&deadlock.locks).zip(owners).take(MOST_ROWS);
        page.table(
            ["Thread", "Stands in", "Waits for", "Held by", "Source"],
            rows.map(|((&tid, lock), &owner)| {
                let frame = waiting_frame(core, tid);
                let cited = cite::citations(frame.and_then(|frame| frame.citation.as_ref()));
                [named(core, tid), stands(core, tid), code(lock), named(core, owner), cited]
            }),
        );
        page.list(orders(core, deadlock));
    }
}

/// In which order each function takes its locks, where that is known.
fn orders<'a>(core: &'a CoreSection, deadlock: &'a Deadlock) -> impl Iterator<Item = Inert> + 'a {
    let held = deadlock.locks.iter().cycle().skip(deadlock.locks.len().saturating_sub(1));
    let rows = deadlock.tids.iter().zip(&deadlock.locks).zip(held).zip(&deadlock.taken).take(MOST_ROWS);
    rows.filter_map(|(((&tid, wanted), held), taken)| {
        let taken = taken.as_ref()?;
        let on_line = |line: Option<u64>| {
            line.map_or_else(Inert::default, |line| Inert::from(" (line ").then(line).then(")"))
        };
        let wants = waiting_frame(core, tid).map_or_else(Inert::default, |frame| {
            let function = frame.qualname.as_deref().or(frame.function.as_deref()).unwrap_or("?");
            let is_same = function == taken.function && frame.file.as_deref() == Some(&taken.file);
            let by = if is_same { Inert::default() } else { Inert::from(" in ").then(code(function)) };
            by.then(on_line(frame.line))
        });
        Some(
            code(&taken.function)
                .then(" of ")
                .then(code(&taken.file))
                .then(" has taken ")
                .then(code(held))
                .then(on_line(taken.line))
                .then(", and waits")
                .then(wants)
                .then(" for ")
                .then(code(wanted)),
        )
    })
}

fn thread_of(core: &CoreSection, tid: u64) -> Option<&Thread> {
    core.threads.iter().find(|thread| thread.tid == Some(tid))
}

fn named(core: &CoreSection, tid: u64) -> Inert {
    let name = thread_of(core, tid).and_then(|thread| thread.name.as_deref());
    Inert::join([Inert::from(tid), name.map_or_else(Inert::default, prose)], " ")
}

/// Where the program's own code stood.
fn stands(core: &CoreSection, tid: u64) -> Inert {
    let own = thread_of(core, tid).and_then(views::threads::own_frame);
    own.map_or_else(Inert::default, super::glance::point)
}

/// The frame that waits.
fn waiting_frame(core: &CoreSection, tid: u64) -> Option<&PythonFrame> {
    let thread = thread_of(core, tid)?;
    views::threads::interrupted(thread).unwrap_or(&thread.python_frames).first()
}

fn locks(page: &mut Page, core: &CoreSection) {
    let held: Vec<&Lock> =
        core.locks.iter().filter(|lock| lock.owner_tid.is_some() || !lock.waiters.is_empty()).collect();
    if held.is_empty() {
        return;
    }
    page.heading(3, "Locks");
    page.table(
        ["Lock", "Kind", "Held by", "Waited for by", "Source"],
        held.into_iter().take(MOST_ROWS).map(|lock| {
            let named = lock.path.as_deref().or(lock.address.as_deref()).map_or_else(|| "?".into(), code);
            let name = lock.owner_name.as_deref().map_or_else(Inert::default, prose);
            let tid = lock.owner_tid.map_or_else(Inert::default, Inert::from);
            let how = match lock.owner_found_by.as_deref() {
                Some("with-statement") => "(by its `with` block)".into(),
                Some("acquire-call") => "(by its call of `acquire`)".into(),
                Some("exit-stack") => "(by its exit stack)".into(),
                Some("owner-field") if lock.owner_tid.is_none() => "a thread that has ended".into(),
                _ => Inert::default(),
            };
            let taken = lock.taken_in.as_ref().map_or_else(Inert::default, |taken| {
                let line = taken.line.map_or_else(String::new, |line| format!(":{line}"));
                Inert::from("in ")
                    .then(code(&taken.function))
                    .then(" at ")
                    .then(code(&format!("{}{line}", taken.file)))
            });
            let owner = Inert::join([tid, name, how, taken], " ");
            let waiters =
                lock.waiters.iter().take(10).map(|waiter| waiter.tid.map_or_else(|| "?".into(), Inert::from));
            // Whether it is taken stands in the lock; who waits stands in the frames of those who do.
            let waiting = lock.waiters.iter().take(2).filter_map(|waiter| waiting_frame(core, waiter.tid?));
            let waiting = waiting.filter_map(|frame| frame.citation.as_ref());
            [
                named,
                lock.kind.as_deref().map_or_else(Inert::default, prose),
                owner,
                Inert::join(waiters, ", "),
                cite::citations(lock.citation.iter().chain(waiting)),
            ]
        }),
    );
}

fn tasks(page: &mut Page, core: &CoreSection) {
    let unfinished: Vec<&Task> =
        core.asyncio.tasks.iter().filter(|task| task.state.as_deref() != Some("done")).collect();
    if unfinished.is_empty() {
        return;
    }
    page.heading(3, Inert::from("Unfinished asyncio tasks (").then(unfinished.len()).then(")"));
    page.table(
        ["Task", "Coroutine", "State", "Innermost frame", "Waits on"],
        unfinished.into_iter().take(MOST_ROWS).map(|task| {
            let text = |text: &Option<String>| text.as_deref().map_or_else(Inert::default, code);
            let frame = task.stack.first().map_or_else(Inert::default, |entry| {
                let line = entry.line.map_or_else(|| "?".to_owned(), |line| line.to_string());
                code(&format!(
                    "{} {}:{line}",
                    entry.function.as_deref().unwrap_or("?"),
                    entry.file.as_deref().unwrap_or("?")
                ))
            });
            let state = if task.current {
                "running now".into()
            } else {
                task.state.as_deref().map_or_else(Inert::default, prose)
            };
            let waits_on = task.lock_holder.as_deref().map_or_else(
                || text(&task.waits_on),
                |holder| Inert::from("an asyncio.Lock that ").then(code(holder)).then(" holds"),
            );
            [text(&task.name), text(&task.coroutine), state, frame, waits_on]
        }),
    );
}

fn memory_logs(page: &mut Page, core: &CoreSection) {
    if core.memory_logs.is_empty() {
        return;
    }
    page.heading(3, "Log records that were still in memory");
    let last = core.memory_logs.len().saturating_sub(MOST_ROWS);
    page.table(
        ["Time (UTC)", "Level", "Logger", "Message"],
        core.memory_logs[last..].iter().map(|record| {
            let text = |text: &Option<String>| text.as_deref().map_or_else(Inert::default, prose);
            let message = record.message.as_deref().map_or_else(Inert::default, code);
            [
                super::clock::dated_text(record.time.as_deref()),
                text(&record.level),
                text(&record.logger),
                message,
            ]
        }),
    );
}

//! Commands to copy into a shell, of which each cause names its own.
//!
//! They hold numbers and times of ours and names in capitals to fill in. Text of the evidence goes into them only
//! where it is a path or a name that a shell takes for nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::case::Case;

/// A command, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Command {
    /// As it goes into a shell; capitals stand for what is to be filled in.
    pub command: String,
    /// What it shows, or when to run it.
    pub tells: String,
}

pub(super) fn command(command: impl Into<String>, tells: impl Into<String>) -> Command {
    Command { command: command.into(), tells: tells.into() }
}

/// A path or a dotted name that no shell reads as anything else; else a word to fill in.
pub(super) fn plain<'a>(text: Option<&'a str>, otherwise: &'a str) -> &'a str {
    let is_plain = |text: &&str| {
        !text.is_empty()
            && text.len() <= 4096
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte))
    };
    text.filter(is_plain).unwrap_or(otherwise)
}

fn pid(case: &Case<'_>) -> String {
    case.living_pid().map_or_else(|| "PID".to_owned(), |pid| pid.to_string())
}

/// None: what to look at is in the report already.
pub(super) fn none(_: &Case<'_>) -> Vec<Command> {
    Vec::new()
}

/// For processes that hang: the stacks while they do.
pub(super) fn stacks(case: &Case<'_>) -> Vec<Command> {
    let when = if case.living_pid().is_some() { "if it still runs: " } else { "when it hangs again: " };
    vec![
        command(
            format!("py-spy dump --pid {}", pid(case)),
            format!("{when}every thread's stack, twice some seconds apart to see whether they move"),
        ),
        command(
            format!("gcore -o core {}", pid(case)),
            "before it is restarted: a core that shows who holds which lock",
        ),
    ]
}

/// The same, where native code is what blocks.
pub(super) fn native_stacks(case: &Case<'_>) -> Vec<Command> {
    let tells = "when it hangs again: every thread's stack with the native frames that keep the GIL";
    vec![command(format!("py-spy dump --native --pid {}", pid(case)), tells)]
}

/// The source line of an address in native code that has no symbols at hand.
pub(super) fn source_line(case: &Case<'_>) -> Vec<Command> {
    let Some(place) = case.native_place() else {
        return vec![command(
            "pycoroner core --native CORE",
            "the native frames, by the files of the service's machine",
        )];
    };
    let file = plain(place.module.as_deref(), "FILE");
    let offset = plain(place.offset.as_deref(), "ADDRESS");
    let build = place.build_id.as_deref().filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let of = build.map_or_else(
        || "function and line, from the same build with debug information".to_owned(),
        |id| {
            format!("function and line; FILE must be of build ID {id}, with debug information")
                .replace("FILE", "the file")
        },
    );
    let mut commands = vec![command(format!("addr2line -Cfie {file} {offset}"), of)];
    if build.is_some() {
        commands.push(command(format!("readelf -n {file}"), "whether a file is of that build ID"));
    }
    commands
}

/// The limits that the process ran under, from one that runs like it.
pub(super) fn limits(case: &Case<'_>) -> Command {
    let tells =
        if case.living_pid().is_some() { "its limits" } else { "the limits, of a process that runs like it" };
    command(format!("cat /proc/{}/limits", pid(case)), tells)
}

/// What holds the memory of a heap.
pub(super) fn heap(case: &Case<'_>) -> Vec<Command> {
    let place = case.heap_place().map(|place| plain(Some(place), "PLACE"));
    let told = |place| command(format!("pycoroner heap CORE object {place}"), "what it holds, with sizes");
    place.map(told).into_iter().collect()
}

/// Which line allocates, where nothing shows it yet.
pub(super) fn allocations(case: &Case<'_>) -> Vec<Command> {
    if case.adding_site().is_some() {
        return Vec::new();
    }
    let tells = "next time: tracemalloc then knows of each object in which lines it was allocated";
    vec![command("PYTHONTRACEMALLOC=10 COMMAND", tells)]
}

/// What holds the memory that an allocation failed for, under which limit, and where it is added to.
pub(super) fn piled_up(case: &Case<'_>) -> Vec<Command> {
    heap(case).into_iter().chain([limits(case)]).chain(allocations(case)).collect()
}

/// What a memory limit of a control group says of itself.
pub(super) fn memory_group(_: &Case<'_>) -> Vec<Command> {
    vec![command(
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory.events",
        "in the container: the limit, the most that was used, and how often it was met",
    )]
}

/// What a kill for want of memory left behind.
pub(super) fn out_of_memory(case: &Case<'_>) -> Vec<Command> {
    let mut commands = memory_group(case);
    commands.push(kernel_log(
        case,
        "oom|Out of memory|Killed process",
        "what the kernel killed, and how large each process was then",
    ));
    commands
}

/// What the kernel logged around the end.
pub(super) fn kernel_log(case: &Case<'_>, words: &'static str, tells: &'static str) -> Command {
    command(format!("journalctl -k {} -g '{words}'", case.journal_span()), tells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_text_of_the_evidence_goes_into_commands() {
        let check = |text: &str, expected: &str| assert_eq!(plain(Some(text), "FILE"), expected, "{text}");
        check("/srv/app/shop/_pricetable.so", "/srv/app/shop/_pricetable.so");
        check("libx-1.2+b3.so", "libx-1.2+b3.so");
        check("-rf", "FILE");
        check("a b.so", "FILE");
        check("a;reboot", "FILE");
        check("$(reboot)", "FILE");
        check("`reboot`", "FILE");
        check("a'b", "FILE");
        check("a\nb", "FILE");
        check("", "FILE");
        assert_eq!(plain(None, "FILE"), "FILE");
    }
}

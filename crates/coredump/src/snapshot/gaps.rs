//! Gaps that concern many threads: told once.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashMap;

use crate::elf::notes::ThreadStatus;
use crate::memory::Memory;
use crate::runtime::native_threads::stack_pointer;
use crate::runtime::process::DeadProcess;

/// The threads whose stack holds nothing but zeros where return addresses have to be.
pub(super) fn blank_stacks(process: &DeadProcess<'_>) -> Option<Gap> {
    /// Any function that waits has a return address within it.
    const BYTES: usize = 1024;
    let core = process.core();
    let is_blank = |thread: &&ThreadStatus| {
        let top = stack_pointer(core.machine(), thread).filter(|top| top.0 != 0);
        let bytes = top.and_then(|top| core.bytes(top, BYTES).ok());
        bytes.is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0))
    };
    let threads = &core.notes().threads;
    let blank = threads.iter().filter(is_blank).count();
    (blank > 0).then(|| {
        Gap::new(
            GapKind::NotDumped,
            format!("the native stacks of {blank} of {} threads", threads.len()),
            "the core has zeros in their place: a debugger writes them for a mapping that it cannot read as a whole, as \
             gcore does for stacks with guard pages in them, which glibc has from 2.42 on",
        )
        .remedy("have the kernel write the core: `kill -ABRT PID`, with `ulimit -c unlimited`")
    })
}

/// Puts gaps of one kind with the same reason into one, in the place of the first, where they are many.
pub(super) fn fold(gaps: Vec<Gap>) -> Vec<Gap> {
    /// So many alike can be read.
    const MOST: usize = 8;
    let key = |gap: &Gap| (gap.kind, gap.why.clone());
    let mut alike: FxHashMap<_, usize> = FxHashMap::default();
    for gap in &gaps {
        *alike.entry(key(gap)).or_default() += 1;
    }
    let with_others = |mut gap: Gap| {
        let count = alike.get_mut(&key(&gap))?;
        // None are left once the first stands for all.
        match std::mem::replace(count, if *count > MOST { 0 } else { *count }) {
            0 => return None,
            all if all > MOST => gap.what = format!("{}, and {} more alike", gap.what, all - 1),
            _ => {}
        }
        Some(gap)
    };
    gaps.into_iter().filter_map(with_others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(count: usize, why: &str) -> Vec<Gap> {
        (0..count).map(|number| Gap::new(GapKind::Truncated, format!("stack {number}"), why)).collect()
    }

    fn whats(gaps: Vec<Gap>) -> Vec<String> {
        gaps.into_iter().map(|gap| gap.what).collect()
    }

    #[test]
    fn many_alike_are_one() {
        let mut all = gaps(1, "cut");
        all.extend(gaps(20, "lost"));
        all.extend(gaps(8, "few"));
        all.push(Gap::new(GapKind::Corrupt, "a stack", "lost"));
        let mut expected = vec!["stack 0".to_owned(), "stack 0, and 19 more alike".to_owned()];
        expected.extend(whats(gaps(8, "few")));
        expected.push("a stack".to_owned());
        assert_eq!(whats(fold(all)), expected);
    }
}

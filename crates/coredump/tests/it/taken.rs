//! In which function and line a lock was taken, against the source that the program was.

use std::path::Path;

use pycoroner_coredump::{ProcessSnapshot, TakenSection};
use pycoroner_fixtures::{core_named, cores, incident};

use crate::snapshot;

/// The line of the program that says to have taken a lock.
fn source_line(taken: &TakenSection) -> Option<String> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/programs");
    let folder = if taken.file.contains("/shop/") { programs.join("shop") } else { programs };
    let text = std::fs::read_to_string(folder.join(Path::new(&taken.file).file_name()?)).ok()?;
    let line = usize::try_from(taken.line?).ok()?;
    text.lines().nth(line - 1).map(|line| line.trim().to_owned())
}

/// Wherever a line is told, it is one that takes a lock.
pub(crate) fn check(name: &str, found: &ProcessSnapshot) -> usize {
    let of_circles = found.deadlocks.iter().flat_map(|circle| circle.taken.iter().flatten());
    let told = found.locks.iter().filter_map(|row| row.taken_in.as_ref()).chain(of_circles);
    let lines = told.filter_map(|taken| Some((taken, source_line(taken)?)));
    lines
        .inspect(|(taken, line)| {
            let takes =
                line.starts_with("with ") || line.contains(".acquire") || line.contains("enter_context(");
            assert!(takes, "{name}: {taken:?} is {line:?}");
        })
        .count()
}

#[test]
fn lines_take_locks() {
    let told: usize = cores().iter().map(|core| check(&core.name, &snapshot(&core.core_bytes()))).sum();
    assert!(told > 30, "{told}");
}

/// A `try` right inside of the `with` block hides nothing.
#[test]
fn a_block_in_a_block() {
    let found = snapshot(&incident("checkout-segfault").core_bytes());
    let taken = found.locks.iter().find_map(|row| row.taken_in.as_ref()).expect("a lock");
    assert_eq!(
        (taken.function.as_str(), source_line(taken)),
        ("charge", Some("with locks.LEDGER:".to_owned()))
    );
}

#[test]
fn the_order_in_which_a_function_takes_its_locks() {
    let versions = [
        "3.8",
        "3.9",
        "3.10",
        "3.11",
        "3.11-debian",
        "3.11-arm64-debian",
        "3.12",
        "3.13",
        "3.13t",
        "3.14-debian",
        "3.15-debian",
    ];
    for version in versions {
        let found = snapshot(&core_named(&format!("medley-{version}")).core_bytes());
        let row =
            |path: &str| found.locks.iter().find(|row| row.path.as_deref() == Some(path)).expect("a lock");
        let taken = |path: &str| {
            let taken = row(path).taken_in.clone().unwrap_or_else(|| panic!("{version}: {path}"));
            (taken.function.clone(), source_line(&taken).unwrap_or_else(|| panic!("{version}: {taken:?}")))
        };
        assert_eq!(taken("shop.locks.STOCK"), ("hold_stock".into(), "with locks.STOCK:".into()), "{version}");
        assert_eq!(
            taken("shop.locks.LEDGER"),
            ("hold_ledger".into(), "with locks.LEDGER:".into()),
            "{version}"
        );
        let [circle] = found.deadlocks.as_slice() else { panic!("{version}: {:?}", found.deadlocks) };
        for taken in &circle.taken {
            let taken = taken.as_ref().unwrap_or_else(|| panic!("{version}: {circle:?}"));
            let said = (taken.function.as_str(), source_line(taken));
            assert_eq!(said, ("first_lock_then", Some("with first:".to_owned())), "{version}");
        }
        let deadlock = found.findings.iter().find(|finding| finding.id == "deadlock").expect("a finding");
        let order = &deadlock.evidence.last().expect("evidence").statement;
        let line = circle.taken[0].as_ref().and_then(|taken| taken.line).expect("told above");
        let [left, right] = [&circle.locks[1], &circle.locks[0]];
        let expected = format!("first_lock_then has taken {left} on line {line} and waits on line ");
        assert!(order.starts_with(&expected), "{version}: {order}");
        assert!(
            order.contains(&format!(" for {right}; first_lock_then has taken {right} on line {line}")),
            "{order}"
        );
    }
}

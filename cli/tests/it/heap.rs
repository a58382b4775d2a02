//! `pycoroner heap` against what the processes counted of themselves.

use pycoroner_fixtures::{cores, incident};

use crate::program::{args, run};

#[test]
fn types_and_owners_are_as_the_process_counted_them() {
    let mut differences = Vec::new();
    let has_heap = |name: &str| name.starts_with("heap_owners");
    let fixtures =
        cores().into_iter().filter(|fixture| has_heap(&fixture.name)).chain([incident("checkout-segfault")]);
    for fixture in fixtures {
        let document = run(args!["heap", fixture.core, "--format", "json"]).exits(0).json();
        let rows = |list: &str| document[list].as_array().cloned().unwrap_or_default();
        let types = rows("types");
        for expected in &fixture.truth.heap.types {
            let row = types.iter().find(|row| row["type"] == *expected.type_name);
            let ours = row.map(|row| (row["count"].as_u64(), row["shallow_bytes"].as_u64()));
            let truth = Some((Some(expected.count), Some(expected.shallow_bytes)));
            if ours != truth {
                differences
                    .push(format!("{} {}: {ours:?}, truth {truth:?}", fixture.name, expected.type_name));
            }
        }
        for expected in fixture.truth.heap.owners.iter().filter(|owner| owner.retained_at_least > 100_000) {
            let owner = rows("owners").into_iter().find(|row| row["path"] == *expected.path);
            let kept = owner.as_ref().and_then(|row| row["retained_bytes"].as_u64());
            if kept.is_none_or(|kept| kept < expected.retained_at_least) {
                differences
                    .push(format!("{} {}: {owner:?}, truth {expected:?}", fixture.name, expected.path));
            }
        }
        let ledger: u64 = rows("ledger").iter().filter_map(|row| row["bytes"].as_u64()).sum();
        assert_eq!(Some(ledger), document["totals"]["dumped_bytes"].as_u64(), "{}", fixture.name);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_views_show_what_they_are_named_after() {
    let core = incident("checkout-segfault").core;
    let check = |view: &str, shown: &[&str], hidden: &[&str]| {
        let text = run(args!["heap", core, view]).exits(0).stdout;
        assert!(shown.iter().all(|part| text.contains(part)), "{view}:\n{text}");
        assert!(!hidden.iter().any(|part| text.contains(part)), "{view}:\n{text}");
        text
    };
    let summary = check("summary", &["Objects", "Garbage", "shop.cache._SESSIONS", "more row", "█"], &[]);
    let types = check("types", &["shop.models.Product", "█"], &["more row", "Owners by"]);
    check("owners", &["shop.models.Product.registry"], &["more row", "Types by"]);
    check("suspects", &["shop.cache._SESSIONS", "refuted if"], &["Types by", "Owners by"]);
    assert!(types.lines().count() > summary.lines().count());
}

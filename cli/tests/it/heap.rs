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

#[test]
fn single_objects_are_told_by_path_and_by_address() {
    for fixture in cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners")) {
        let owners = &fixture.truth.heap.owners;
        let paths = owners.iter().map(|owner| owner.path.clone().into());
        let fixed = args!["heap", fixture.core, "--no-retained", "--format", "json", "object"];
        let by_path = run(fixed.into_iter().chain(paths)).exits(0).json();
        for (owner, object) in owners.iter().zip(by_path["objects"].as_array().unwrap()) {
            assert_eq!(object["expr"], *owner.path, "{}", fixture.name);
            assert_eq!(object["address"], *owner.address, "{}: {}", fixture.name, owner.path);
            assert_eq!(object["type"], *owner.type_name, "{}: {}", fixture.name, owner.path);
            assert_eq!(object["length"].as_u64(), owner.length, "{}: {}", fixture.name, owner.path);
        }
        let owner = &fixture.truth.heap.owners[0];
        let by_address =
            run(args!["heap", fixture.core, "object", owner.address, "--format", "json"]).exits(0).json();
        let object = &by_address["objects"][0];
        assert_eq!(object["path"], *owner.path, "{}", fixture.name);
        assert!(
            object["retained_bytes"].as_u64() >= Some(owner.retained_at_least),
            "{}: {object}",
            fixture.name
        );
    }
}

#[test]
fn questions_about_objects_are_answered_as_text() {
    let core = incident("checkout-segfault").core;
    let check = |view: &str, expression: &str, shown: &[&str]| {
        let text = run(args!["heap", core, view, expression]).exits(0).stdout;
        assert!(shown.iter().all(|part| text.contains(part)), "{view}:\n{text}");
    };
    check("object", "shop.cache._SESSIONS", &["shop.cache._SESSIONS  dict", "length", "alive in", "= {'"]);
    check("path", "shop.models.Product.registry", &["steps  shop.models.Product.registry"]);
    check(
        "referrers",
        "shop.cache._SESSIONS",
        &["referrers: 1", "['_SESSIONS']", "path shop.cache.__dict__"],
    );
    check("referents", "shop.models.Product", &["references: ", ".__mro__", ".__dict__"]);
}

#[test]
fn an_expression_that_leads_nowhere_says_from_where_on() {
    let core = incident("checkout-segfault").core;
    let refused = |expression: &str, part: &str| {
        let stderr = run(args!["heap", core, "object", expression]).exits(2).stderr;
        assert!(stderr.contains(part), "{stderr}");
    };
    refused("shop.cache.none", "column 11: the module at 0x");
    refused("shop.cache._SESSIONS[", "column 22");
    refused("0x10", "no object is at 0x10");
    run(args!["heap", core, "object"]).exits(2);
    run(args!["heap", core, "types", "shop.cache"]).exits(2);
    let partly = run(args!["heap", core, "object", "shop.cache", "shop.none", "--no-retained"]).exits(0);
    assert!(partly.stdout.contains("column 5"), "{}", partly.stdout);
}

#[test]
fn secrets_are_masked_by_the_name_that_they_go_by() {
    let core = incident("checkout-segfault").core;
    let shown = |redact: &str, expression: &str| {
        run(args!["heap", core, "object", expression, "--no-retained", "--redact", redact]).exits(0).stdout
    };
    let token = "tok_live_4f9c2e71a86b0d35";
    for expression in
        ["shop.settings.PAYMENT_TOKEN", "shop.settings.__dict__['PAYMENT_TOKEN']", "shop.settings"]
    {
        assert!(shown("off", expression).contains(token), "{expression}");
        let masked = shown("on", expression);
        assert!(!masked.contains(token) && masked.contains("<redacted>"), "{expression}: {masked}");
    }
}

#[test]
fn growth_compares_with_an_older_core() {
    let core = |name: &str| cores().into_iter().find(|fixture| fixture.name == name).unwrap().core;
    let (old, new) = (core("medley-3.12"), core("heap_owners-3.12"));
    // They are cores of different processes, whose addresses have nothing to do with each other: a gap says so.
    let document = run(args!["heap", &new, "growth", &old, "--format", "json"]).exits(0).json();
    assert_eq!(document["gaps"][0]["what"], "which objects are new");
    let rows = document["growth"].as_array().unwrap();
    let tickets = rows.iter().find(|row| row["type"] == "Ticket").unwrap();
    assert_eq!((tickets["count_before"].as_u64(), tickets["count_after"].as_u64()), (Some(0), Some(1200)));
    let text = run(args!["heap", &new, "growth", &old]).exits(0).stdout;
    assert!(text.contains("0 → 1,200") && text.contains("__main__.BLOBS"), "{text}");
    let refused = run(args!["heap", &new, "growth"]).exits(2).stderr;
    assert!(refused.contains("heap CORE growth OLD"), "{refused}");
}

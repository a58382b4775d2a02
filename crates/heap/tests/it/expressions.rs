//! Expressions: what is printed leads back to the same object.

use pycoroner_coredump::PythonRuntime;
use pycoroner_fixtures::cores;
use pycoroner_heap::{Inquiry, InquiryOptions, Options, Question, analyze};

use crate::owners::with_runtime;

/// Paths in the order in which objects retain most, so that all kinds of steps are among them.
fn printed_paths(runtime: &PythonRuntime<'_>) -> Vec<(String, String)> {
    let options = Options { top: 1, top_owners: 800, suspect_percent: 0.1, ..Options::default() };
    let document = analyze(runtime, &options).unwrap().into_document();
    let owners = document.owners.iter().map(|owner| (owner.path.clone(), owner.address.to_string()));
    let suspects =
        document.suspects.iter().map(|suspect| (suspect.path.clone(), suspect.address.to_string()));
    owners.chain(suspects).collect()
}

#[test]
fn every_path_that_is_printed_leads_to_its_object() {
    for fixture in cores().into_iter().filter(|fixture| !fixture.name.ends_with("-3.13t")) {
        with_runtime(&fixture.core_bytes(), |runtime| {
            let inquiry = Inquiry::new(runtime).unwrap();
            let paths = printed_paths(runtime);
            assert!(paths.len() > 100, "{}", fixture.name);
            let wrong: Vec<_> = paths
                .iter()
                .filter_map(|(path, address)| match inquiry.resolve(path) {
                    Ok(found) if found.to_string() == *address => None,
                    found => Some(format!("{path} at {address}: {found:?}")),
                })
                .collect();
            assert!(wrong.is_empty(), "{}: {} of {}: {wrong:#?}", fixture.name, wrong.len(), paths.len());
        });
    }
}

/// Parts too: dicts, closures, cells, frames and code, by what refers to them and what they refer to.
#[test]
fn every_path_to_a_referrer_leads_to_it() {
    for fixture in cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners")) {
        with_runtime(&fixture.core_bytes(), |runtime| {
            let inquiry = Inquiry::new(runtime).unwrap();
            let options = InquiryOptions { references: 200, routes: 10, ..InquiryOptions::default() };
            let mut asked: Vec<String> =
                ["__main__.HANDLER", "__main__.PAGES", "__main__.Ticket", "None", "__main__"]
                    .map(|expr| format!("{}{expr}", if expr == "None" { "builtins." } else { "" }))
                    .to_vec();
            asked.retain(|expr| inquiry.resolve(expr).is_ok());
            assert!(asked.len() >= 4);
            let ask = |question, asked: &[String]| {
                inquiry.answer(question, asked, &options, &Options::default()).unwrap()
            };
            for _ in 0..2 {
                let referents = ask(Question::Referents, &asked).referents.unwrap();
                let more = referents.iter().flat_map(|row| &row.references);
                asked = more.filter_map(|row| Some(row.address?.to_string())).collect();
                asked.sort();
                asked.dedup();
                asked.truncate(400);
            }
            let mut wrong = Vec::new();
            let mut check = |path: &str, address: String| match inquiry.resolve(path) {
                Ok(found) if found.to_string() == address => {}
                found => wrong.push(format!("{path} at {address}: {found:?}")),
            };
            for row in ask(Question::Referrers, &asked).referrers.unwrap() {
                for reference in row.references {
                    match (reference.path, reference.address) {
                        (Some(path), Some(address)) => check(&path, address.to_string()),
                        (Some(path), None) => check(&path, row.address.to_string()),
                        _ => {}
                    }
                }
            }
            for row in ask(Question::Path, &asked).paths.unwrap() {
                row.routes.iter().for_each(|route| check(&route.path, row.address.to_string()));
            }
            wrong.sort();
            wrong.dedup();
            assert!(wrong.is_empty(), "{}: {}: {wrong:#?}", fixture.name, wrong.len());
        });
    }
}

#[test]
fn what_python_code_says_is_understood() {
    for fixture in cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners")) {
        let truth = &fixture.truth.heap.owners;
        let address = |path: &str| {
            let owner = truth.iter().find(|owner| owner.path == path);
            owner.map(|owner| owner.address.clone()).unwrap()
        };
        with_runtime(&fixture.core_bytes(), |runtime| {
            let inquiry = Inquiry::new(runtime).unwrap();
            let check = |expression: &str, path: &str| {
                let found = inquiry.resolve(expression).map(|address| address.to_string());
                assert_eq!(found, Ok(address(path)), "{}: {expression}", fixture.name);
            };
            check("__main__.TEXTS[-1]", "__main__.TEXTS[3]");
            check("TEXTS[ 0x3 ]", "__main__.TEXTS[3]");
            check("sys.modules[\"__main__\"].BLOBS['buffer']", "__main__.BLOBS['buffer']");
            check("__main__.BLOBS[\"\\x72aw\"]", "__main__.BLOBS['raw']");
            check("__main__.__dict__['BLOBS']['raw']", "__main__.BLOBS['raw']");
            check("__main__.fallback.__defaults__[-1]", "__main__.fallback.__defaults__[0]");
            check(
                "__main__.HANDLER.__closure__[0].cell_contents",
                "__main__.HANDLER.<closure handler>.held_rows",
            );
            check(&format!("{}['raw']", address("__main__.BLOBS")), "__main__.BLOBS['raw']");
            let refused = |expression: &str, column: usize| {
                let error = inquiry.resolve(expression).unwrap_err();
                assert_eq!(error.column, column, "{}: {expression}: {error}", fixture.name);
            };
            refused("__main__.TEXTS[4]", 15);
            refused("__main__.TEXTS[-5]", 15);
            refused("__main__.BLOBS['none']", 15);
            refused("__main__.BLOBS.none", 15);
            refused("no_module.x", 1);
            refused("", 1);
            refused("0x10", 1);
            refused("__main__.BLOBS[", 16);
        });
    }
}

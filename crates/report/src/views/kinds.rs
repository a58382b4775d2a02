//! Kinds of evidence in plain words: one file, and several.

use std::collections::BTreeMap;

use crate::Incident;

/// What a file of this kind is called; kinds without such a name keep their own.
fn in_words(kind: &str) -> Option<[&'static str; 2]> {
    Some(match kind {
        "core" => ["core file", "core files"],
        "older core" => ["older core file", "older core files"],
        "log" => ["log", "logs"],
        "prometheus-query" | "metrics-text" | "prometheus-targets" | "psutil" => {
            ["file of metrics", "files of metrics"]
        }
        "otel-console" | "otlp" | "jaeger" | "zipkin" => ["file of traces", "files of traces"],
        "alerts" | "pager-duty" => ["list of alerts", "lists of alerts"],
        "docker-inspect" | "kubernetes-objects" | "kubernetes-description" => {
            ["state of containers", "states of containers"]
        }
        "py-spy-dump" | "py-spy-json" | "speedscope" | "folded-stacks" => {
            ["file of earlier stacks", "files of earlier stacks"]
        }
        "memray-csv" | "memray-stats" | "tracemalloc" | "tracemalloc-top" | "objgraph-counts"
        | "objgraph-picture" => ["memory profile", "memory profiles"],
        "sentry-event" | "sentry-envelope" => ["reported error", "reported errors"],
        "coredumpctl-info"
        | "coredumpctl-json"
        | "coredumpctl-list"
        | "stored-core-attributes"
        | "stored-core-list" => ["list of stored cores", "lists of stored cores"],
        "incident-toml" | "incident-yaml" | "slack" => ["note by people", "notes by people"],
        "empty" => ["empty file", "empty files"],
        "not understood" => ["file that was not understood", "files that were not understood"],
        _ => return None,
    })
}

/// How many files of what kind were given, in the order of the register: `1 core file`, `3 logs`.
pub(crate) fn given(incident: &Incident) -> Vec<(usize, String)> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut names: BTreeMap<&str, Option<[&'static str; 2]>> = BTreeMap::new();
    for (place, source) in incident.sources.iter().enumerate() {
        let words = in_words(&source.kind);
        let key = words.map_or(&*source.kind, |[one, _]| one);
        names.insert(key, words);
        counts.entry(key).or_insert((place, 0)).1 += 1;
    }
    let mut given: Vec<_> = counts.into_iter().map(|(key, (place, files))| (place, key, files)).collect();
    given.sort_unstable();
    given
        .into_iter()
        .map(|(_, key, files)| {
            let words = names.get(key).copied().flatten();
            let word = words.map_or(key, |[one, many]| if files == 1 { one } else { many });
            (files, word.to_owned())
        })
        .collect()
}

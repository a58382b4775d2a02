use pycoroner_findings::SourceId;
use pycoroner_logscan::*;
fn main() {
    for (i, path) in std::env::args().skip(1).enumerate() {
        let bytes = std::fs::read(&path).unwrap();
        println!("=== {path} sniff={:?}", looks_like_log(&bytes[..bytes.len().min(65536)]));
        let mut r = bytes.as_slice();
        let o = Options::default();
        let s = scan([Input { id: SourceId(i as u32+1), path: path.clone(), modified: serde_json::from_str("\"2026-11-23T00:00:00Z\"").unwrap(), reader: &mut r }], &o);
        let src = &s.sources[0];
        println!("fmt={} inner={:?} bytes={} lines={} rec={} unparsed={} first={:?} last={:?} basis={:?} prod={:?} levels={:?}", src.format, src.inner_format, src.bytes, src.lines, src.records, src.unparsed_bytes, src.first.map(|t|t.to_string()), src.last.map(|t|t.to_string()), src.time_basis, src.producers, s.levels);
        for (k,t) in s.tracebacks.iter().enumerate().take(12) {
            println!("  TB{k} L{}-{} {:?} {:?}: {:?} rel={:?} parent={:?} n={} {:?}±{} trunc={} frames={} [{}] thr={:?} cur={} intro={:?} log={:?} {:?} pid={:?} prod={:?} remote={} loc={:?} ext={}", t.place.line, t.place.last_line, t.kind, t.type_name, t.message, t.relation, t.parent, t.count, t.first.map(|t|t.to_string()), t.time_uncertainty_ms, t.truncated, t.frames.len(), t.frames.iter().map(|f| format!("{}:{}:{}{}", f.file.rsplit('/').next().unwrap(), f.line.unwrap_or(0), f.function.as_deref().unwrap_or("-"), if f.repeated>0 {format!("x{}",f.repeated)} else {String::new()})).collect::<Vec<_>>().join(" "), t.thread, t.current_thread, t.introduced_by, t.log_message, t.level, t.pid, t.producer, t.remote, t.location, t.extension_modules.len());
        }
        if s.tracebacks.len()>12 { println!("  ... {} tbs", s.tracebacks.len()); }
        for e in s.events.iter().take(30) { println!("  EV L{} {} {:?} {:?} {:?} pid={:?} sig={:?} {:?} {}", e.place.line, e.kind, e.severity, e.at.map(|a| a.time.to_string()), e.detail, e.pid, e.signal, e.producer, e.message.chars().take(100).collect::<String>()); }
        for t in s.templates.iter().take(4) { println!("  TPL {:?} {} {}", t.level, t.count, t.template.chars().take(120).collect::<String>()); }
        for w in s.warnings.iter().take(3) { println!("  W {:?} {:?} {:?} {:?} {:?}", w.level, w.logger, w.pid, w.request_id, w.message.chars().take(160).collect::<String>()); }
        for f in s.findings() { println!("  F {:?} {} {}", f.severity, f.id, f.title); }
        for g in s.gaps.iter().take(5) { println!("  GAP {:?} {} — {}", g.kind, g.what, g.why); }
    }
}

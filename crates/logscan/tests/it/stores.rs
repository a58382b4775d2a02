//! What log stores print: streams told apart by their labels, the newest line first.

use std::fmt::Write as _;
use std::io::Cursor;

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Input, LineOrder, Options, Reader, Records, Scan, looks_like_log, scan};

use crate::shown::{scan_text, stacks};

/// A traceback as two processes write it, one line per entry.
const STACK: [&str; 5] = [
    "2024-05-01 12:00:00,000 ERROR shop: charge failed",
    "Traceback (most recent call last):",
    "  File \"/srv/a.py\", line 3, in charge",
    "    raise KeyError(order)",
    "KeyError: 7",
];

/// Each line of the stack at its own time, for one process and another, which is a little later.
fn entries() -> Vec<(u64, &'static str, &'static str)> {
    let mut entries = Vec::new();
    for (step, line) in (0..).zip(STACK) {
        entries.push((1_714_564_800_000_000_000 + step * 1_000_000, "web-1", line));
        entries.push((1_714_564_800_000_500_000 + step * 1_000_000, "web-2", line));
    }
    entries
}

/// The producers of the tracebacks, all of which must be whole.
#[track_caller]
fn producers(scan: &Scan) -> Vec<&str> {
    let whole = "KeyError: \"7\" [charge:3] x2\n";
    assert_eq!(stacks(scan), whole);
    scan.sources[0].producers.iter().map(String::as_str).collect()
}

#[test]
fn streams_of_loki() {
    // As Loki gives them: a stream for each set of labels, levels included, and the newest line first.
    let mut streams: Vec<String> = Vec::new();
    for pod in ["web-2", "web-1"] {
        for level in ["error", "unknown"] {
            let is_in = |line: &str| line.contains("ERROR") == (level == "error");
            let values: Vec<String> = entries()
                .into_iter()
                .rev()
                .filter(|(_, own, line)| *own == pod && is_in(line))
                .map(|(time, _, line)| format!("[\"{time}\", {}]", serde_json::to_string(line).unwrap()))
                .collect();
            streams.push(format!(
                "{{\"stream\": {{\"app\": \"shop\", \"pod\": \"{pod}\", \"detected_level\": \"{level}\"}}, \"values\": [{}]}}",
                values.join(",\n")
            ));
        }
    }
    let answer = |before: &str| {
        format!(
            "{{{before}\"status\": \"success\", \"data\": {{\"resultType\": \"streams\", \"result\": [{}]}}}}\n",
            streams.join(", ")
        )
    };
    for text in [answer("\n"), answer("").replace('\n', " ") + "\n"] {
        assert!(looks_like_log(text.as_bytes()).is_some(), "{text}");
        let scan = scan_text(&text, &Options::default());
        assert_eq!(producers(&scan), ["app=shop,pod=web-1", "app=shop,pod=web-2"], "{text}");
        assert_eq!(scan.tracebacks[0].first.unwrap().to_string(), "2024-05-01T12:00:00.001Z");
    }
}

/// A line of the pod and the text, at a time.
type Line = fn(&str, &str, &str) -> String;

#[test]
fn logcli() {
    let clock = |time: u64| format!("2024-05-01T12:00:00.{:06}Z", time % 1_000_000_000 / 1000);
    let lines: [(Line, [&str; 2]); 2] = [
        (
            |at, pod, line| format!("{at} {{app=\"shop\", pod=\"{pod}\"}} {line}\n"),
            ["app=\"shop\", pod=\"web-1\"", "app=\"shop\", pod=\"web-2\""],
        ),
        (
            |at, pod, line| {
                let line = serde_json::to_string(line).unwrap();
                format!(
                    "{{\"labels\":{{\"app\":\"shop\",\"pod\":\"{pod}\"}},\"line\":{line},\"timestamp\":\"{at}\"}}\n"
                )
            },
            ["app=shop,pod=web-1", "app=shop,pod=web-2"],
        ),
    ];
    for (line, expected) in lines {
        let mut text: Vec<String> =
            entries().into_iter().map(|(time, pod, text)| line(&clock(time), pod, text)).collect();
        for order in ["oldest first", "newest first"] {
            let all = text.concat();
            assert!(looks_like_log(all.as_bytes()).is_some(), "{all}");
            let scan = scan_text(&all, &Options::default());
            assert_eq!(producers(&scan), expected, "{order}\n{all}");
            let place = scan.tracebacks[0].place;
            let cited =
                &all[usize::try_from(place.offset).unwrap()..][..usize::try_from(place.bytes).unwrap()];
            assert!(
                cited.contains("Traceback") && cited.contains("KeyError: 7") && place.line < place.last_line,
                "{order}: {place:?}"
            );
            text.reverse();
        }
    }
}

/// What is indented stays so, whether labels are padded to one width or not.
#[test]
fn logcli_keeps_indentation() {
    let group = "  + Exception Group Traceback (most recent call last):\n  |   File \"/srv/a.py\", line 3, in f\n  |     g()\n  | ExceptionGroup: two (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | KeyError: 'k'\n    +------------------------------------";
    for (labels, others) in [("{pod=\"a\"}", "{pod=\"a\"}"), ("{pod=\"a\"}   ", "{pod=\"abcd\"}")] {
        let mut log = format!("2024-05-01T12:00:00Z {others} INFO:shop:begin\n");
        for line in group.lines() {
            let _ = writeln!(log, "2024-05-01T12:00:01Z {labels} {line}");
        }
        let _ = writeln!(log, "2024-05-01T12:00:02Z {labels} INFO:shop:end");
        let shown: Vec<String> = scan_text(&log, &Options::default())
            .tracebacks
            .iter()
            .map(|entry| format!("{:?} {} {:?}", entry.type_name, entry.message, entry.parent))
            .collect();
        assert_eq!(
            shown,
            ["Some(\"ExceptionGroup\") two (1 sub-exception) None", "Some(\"KeyError\") 'k' Some(0)"],
            "{log}"
        );
    }
}

#[test]
fn what_is_not_dated_line_by_line_is_not_turned() {
    // Records from the newest to the oldest, their further lines below them.
    let mut log = String::new();
    for second in (10..20).rev() {
        let further = STACK[1..].join("\n");
        let _ = writeln!(log, "2024-05-01 12:00:{second},000 ERROR shop: failed\n{further}");
    }
    assert_eq!(stacks(&scan_text(&log, &Options::default())), "KeyError: \"7\" [charge:3] x10\n");
}

#[test]
fn what_is_too_long_to_be_turned_says_so() {
    let line = |second: u32| {
        format!(
            "2024-05-01 {:02}:{:02}:{:02},000 INFO shop: order {second} placed\n",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    };
    let mut lines: Vec<String> = (0..36_000).map(line).collect();
    let told = |lines: &[String]| {
        let options = Options { explain: true, ..Options::default() };
        let scan = scan_text(&lines.concat(), &options);
        let order = scan.sources[0].explanation.as_ref().unwrap().order;
        (order, scan.gaps.iter().filter(|gap| gap.why.contains("its newest line stands first")).count())
    };
    assert_eq!(told(&lines), (None, 0));
    lines.reverse();
    assert_eq!(told(&lines), (Some(LineOrder::NewestFirst), 1));
    assert_eq!(told(&lines[..1000]), (Some(LineOrder::TurnedRound), 0));
    // Later lines show that it was no order.
    lines.push(line(40_000));
    assert_eq!(told(&lines), (None, 0));
}

#[test]
fn long_files_are_turned() {
    // Each line has a time of its own, those of tracebacks too; some are longer than what is read at a time.
    let mut lines: Vec<String> = Vec::new();
    for second in 0..12_000 {
        let time = format!("2024-05-01T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        let padding = "x".repeat(if second % 1000 == 0 { 150_000 } else { 50 });
        lines.push(format!("{time} stderr F INFO:shop:order {second} placed {padding}"));
        if second % 4000 == 17 {
            for (number, line) in STACK.iter().enumerate() {
                lines.push(format!(
                    "{time} stderr F {}",
                    if number == 0 { "ERROR:shop:charge failed" } else { line }
                ));
            }
        }
    }
    let ordered = format!("{}\n", lines.join("\n"));
    lines.reverse();
    let turned = lines.join("\n");
    assert!(turned.len() > 2 << 20);
    let options = Options { explain: true, ..Options::default() };
    let read = |text: &str| {
        let mut file = Cursor::new(text.as_bytes());
        scan([Input::new(SourceId(1), "app.log", Reader::File(&mut file))], &options)
    };
    let (known, found) = (read(&ordered), read(&turned));
    let order = |scan: &Scan| scan.sources[0].explanation.as_ref().unwrap().order;
    assert_eq!((order(&known), order(&found)), (None, Some(LineOrder::TurnedRound)));
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
    assert_eq!(stacks(&found), stacks(&known));
    assert!(stacks(&found).ends_with("x3\n"), "{}", stacks(&found));
    assert_eq!(found.levels, known.levels);
    assert_eq!((found.sources[0].bytes, found.sources[0].lines), (turned.len() as u64, lines.len() as u64));
    let template = |scan: &Scan| {
        scan.templates.iter().map(|known| (known.template.clone(), known.count)).collect::<Vec<_>>()
    };
    assert_eq!(template(&found), template(&known));
    // What is cited stands there.
    let place = found.tracebacks[0].place;
    let (start, end) = (place.offset as usize, (place.offset + place.bytes) as usize);
    let cited: Vec<&str> = turned[start..end].lines().collect();
    assert_eq!(cited, lines[place.line as usize - 1..place.last_line as usize], "{place:?}");
    assert!(cited.last().unwrap().contains("Traceback") && cited[0].contains("KeyError"), "{cited:?}");
    let records = |text: &str| {
        let mut file = Cursor::new(text.as_bytes());
        let records = Records::new([Input::new(SourceId(1), "app.log", Reader::File(&mut file))], &options);
        records.map(|record| record.unwrap().message.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(records(&turned), records(&ordered));
}

#[test]
fn warnings_of_several_logs_are_in_the_order_of_time() {
    let line = |minute: u32, text: &str| format!("2024-05-01 12:{minute:02}:00,000 WARNING shop: {text}\n");
    let (first, second) =
        (line(1, "a") + &line(5, "c"), line(3, "b") + "WARNING:shop:undated\n" + &line(7, "d"));
    let (mut one, mut other) = (first.as_bytes(), second.as_bytes());
    let input = |id, reader| Input::new(SourceId(id), format!("{id}"), reader);
    let scan = scan([input(1, &mut one), input(2, &mut other)], &Options::default());
    let messages: Vec<&str> = scan.warnings.iter().map(|record| record.message.as_str()).collect();
    assert_eq!(messages, ["a", "b", "undated", "c", "d"]);
}

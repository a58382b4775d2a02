//! Time of each phase, against reading the core once: `PYCORONER_CORE=core cargo bench -p pycoroner-heap`.
//!
//! Without a core, dominators of a synthetic graph, shaped like a heap.
#![allow(clippy::print_stdout, reason = "this is what a bench is for")]

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use pycoroner_coredump::{Core, CoreFile, DeadProcess, ModuleFinder, PythonRuntime, UnpackLimits};
use pycoroner_findings::SourceId;
use pycoroner_heap::{Dominators, Graph, Node, Options, Phase, Retained, analyze};

fn main() {
    match std::env::var_os("PYCORONER_CORE") {
        Some(path) => measure_core(Path::new(&path)),
        None => measure_graph(5_000_000),
    }
}

fn measure_core(path: &Path) {
    let file = CoreFile::open(path, UnpackLimits::default()).expect("the core can be opened");
    let core = Core::parse(&file, SourceId(1)).expect("it is a core");
    let (sum, read) = timed(|| {
        let words = core.data().chunks(8).map(|word| word.iter().map(|&byte| u64::from(byte)).sum::<u64>());
        words.fold(0u64, u64::wrapping_add)
    });
    std::hint::black_box(sum);
    println!(
        "{:32} {read:>10.2?}  {:.2} GB/s",
        "core read once",
        core.data().len() as f64 / 1e9 / read.as_secs_f64()
    );
    let process = DeadProcess::new(core, &ModuleFinder::default());
    let (runtime, attach) = timed(|| PythonRuntime::attach(&process).expect("there is a Python in it"));
    println!("{:32} {attach:>10.2?}", "attached");

    let started = Instant::now();
    let starts: RefCell<Vec<(Phase, Instant)>> = RefCell::default();
    let progress = |phase, _| {
        let mut starts = starts.borrow_mut();
        if starts.last().is_none_or(|(last, _)| *last != phase) {
            starts.push((phase, Instant::now()));
        }
    };
    let options = Options { progress: Some(&progress), ..Options::default() };
    let analysis = analyze(&runtime, &options).expect("the heap can be read");
    let finished = Instant::now();
    let objects = analysis.document().totals.objects.max(1);
    let starts = starts.into_inner();
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([finished]);
    for ((phase, start), end) in starts.iter().zip(ends) {
        report(&format!("{phase:?}"), end - *start, objects, read);
    }
    report("whole answer", finished - started, objects, read);
    println!("{objects} objects, {} references", analysis.document().totals.references);
}

fn report(name: &str, took: Duration, objects: u64, read: Duration) {
    let each = took.as_nanos() as f64 / objects as f64;
    let ratio = took.as_secs_f64() / read.as_secs_f64();
    println!("{name:32} {took:>10.2?}  {each:7.1} ns/object  {ratio:5.2} x reading the core once");
}

/// Containers of three references, two to leaves of their own and one to an earlier container.
fn measure_graph(nodes: u32) {
    let containers = nodes / 3;
    let row = |node: Node| {
        if node >= containers {
            return Vec::new();
        }
        let leaf = containers + node * 2;
        // A fixed sequence that jumps about (the multiplier of Knuth's MMIX generator).
        let jump = u64::from(node).wrapping_mul(6_364_136_223_846_793_005) >> 33;
        vec![leaf, leaf + 1, (jump % u64::from(containers)) as Node, (node + 1) % containers]
    };
    let graph: Graph = (0..containers * 3).map(row).collect();
    let (dominators, took) = timed(|| Dominators::compute(&graph, &[0]));
    println!("dominators of {nodes} nodes, {} edges: {took:.2?}", graph.edge_count());
    let (retained, took) = timed(|| Retained::sum(&dominators, |_| 56));
    println!("retained sizes: {took:.2?} ({} bytes below the root)", retained.bytes(0));
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (std::hint::black_box(work()), start.elapsed())
}

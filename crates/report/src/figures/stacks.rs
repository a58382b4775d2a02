use std::collections::BTreeMap;

use super::Figure;
use super::svg::{Svg, WIDTH, fill};
use crate::Incident;
use crate::sections::{CoreSection, PythonFrame};
use crate::views::threads;

const ROW: f64 = 18.0;
/// Frames from the outermost on that are drawn of a stack.
const MOST_ROWS: usize = 40;
/// Most boxes of the picture.
const MOST_BOXES: usize = 600;

/// The stacks of all threads, folded: what several threads have in common is one box.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let core = incident.core.as_ref()?;
    let tree = Tree::of(core);
    if core.threads.len() < 2 || tree.boxes.len() < 2 {
        return None;
    }
    let deepest = tree.boxes.iter().map(|frame| frame.depth + 1).max().unwrap_or(1);
    let mut svg =
        Svg::new(ROW * deepest as f64 + 4.0, "Python stacks of all threads, outermost frame on top");
    for frame in &tree.boxes {
        let (x, width) = (WIDTH * frame.from / tree.threads, WIDTH * frame.threads / tree.threads);
        let y = 2.0 + ROW * frame.depth as f64;
        let class = match (frame.has_crashed, frame.is_library) {
            (true, _) => fill(4),
            (false, false) => fill(0),
            (false, true) => fill(5),
        };
        let threads = if frame.threads > 1.0 { "threads" } else { "thread" };
        svg.rect(class, [x, y, width, ROW], &format!("{} ({} {threads})", frame.name, frame.threads));
        svg.text("", x + 4.0, y + 13.0, width - 8.0, &frame.name);
    }
    let mut caption =
        "Python stacks of all threads, outermost frame on top; a box is as wide as the number of \
                       threads that are in it. Red: the stack that crashed; blue: the program's own code."
            .to_owned();
    if tree.is_cut {
        caption.push_str(" Not all frames are drawn.");
    }
    // Beside the list of threads, where there is one.
    let section = match threads::crashed(incident) {
        Some(_) => format!("other-threads-{}", core.threads.len() - 1),
        None => format!("all-threads-{}", core.threads.len()),
    };
    Some(Figure { section, caption, svg: svg.finish() })
}

/// One frame that threads have in common.
struct Shared {
    name: String,
    depth: usize,
    /// Threads to the left of it, and in it.
    from: f64,
    threads: f64,
    has_crashed: bool,
    is_library: bool,
}

struct Tree {
    boxes: Vec<Shared>,
    threads: f64,
    is_cut: bool,
}

impl Tree {
    fn of(core: &CoreSection) -> Self {
        let mut stacks: Vec<(Vec<Named>, bool)> = core
            .threads
            .iter()
            .filter(|thread| !thread.python_frames.is_empty())
            .map(|thread| (thread.python_frames.iter().rev().map(named).collect(), thread.crashed))
            .collect();
        // Equal beginnings lie side by side once the stacks are in order.
        stacks.sort();
        let mut is_cut = false;
        let mut boxes: Vec<Shared> = Vec::new();
        let mut open: BTreeMap<usize, usize> = BTreeMap::new();
        let mut before: &[Named] = &[];
        for (column, (stack, has_crashed)) in stacks.iter().enumerate() {
            let common = stack.iter().zip(before).take_while(|(a, b)| a == b).count();
            is_cut |= stack.len() > MOST_ROWS;
            for (depth, (name, is_library)) in stack.iter().enumerate().take(MOST_ROWS) {
                let known = open.get(&depth).filter(|_| depth < common).copied();
                if let Some(shared) = known.and_then(|index| boxes.get_mut(index)) {
                    shared.threads += 1.0;
                    shared.has_crashed |= has_crashed;
                } else if boxes.len() < MOST_BOXES {
                    open.insert(depth, boxes.len());
                    boxes.push(Shared {
                        name: name.clone(),
                        depth,
                        from: column as f64,
                        threads: 1.0,
                        has_crashed: *has_crashed,
                        is_library: *is_library,
                    });
                } else {
                    open.remove(&depth);
                    is_cut = true;
                }
            }
            before = stack;
        }
        Self { boxes, threads: stacks.len().max(1) as f64, is_cut }
    }
}

/// A frame as it is drawn, and whether it is of a library.
type Named = (String, bool);

fn named(frame: &PythonFrame) -> Named {
    (name(frame), threads::is_library(frame.file.as_deref()))
}

fn name(frame: &PythonFrame) -> String {
    let function = frame.qualname.as_deref().or(frame.function.as_deref()).unwrap_or("?");
    let file = frame.file.as_deref().unwrap_or("?");
    let file = file.rsplit('/').next().unwrap_or(file);
    match frame.line {
        Some(line) => format!("{function} {file}:{line}"),
        None => format!("{function} {file}"),
    }
}

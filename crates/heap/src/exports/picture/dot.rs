//! Pictures in the language of Graphviz (<https://graphviz.org/doc/info/lang.html>).

use std::fmt::Write as _;

use super::{Look, Picture, inert, shortened};

impl Picture {
    /// The picture as DOT.
    pub fn dot(&self) -> String {
        let mut out = String::from(
            "digraph heap {\n  rankdir=LR;\n  node [shape=box, fontname=monospace, fontsize=10];\n  edge [fontname=monospace, fontsize=9];\n",
        );
        for (number, shown) in self.boxes.iter().enumerate() {
            let style = match shown.look {
                Look::Object => "",
                Look::Target => ", penwidth=2",
                Look::Root => ", style=rounded",
            };
            let (title, detail) = (escaped(&shown.title), escaped(&shown.detail));
            let _ = writeln!(out, "  n{number} [label=\"{title}\\n{detail}\"{style}];");
        }
        for (from, to, label) in &self.arrows {
            let _ = writeln!(out, "  n{from} -> n{to} [label=\"{}\"];", escaped(label));
        }
        out.push_str("}\n");
        out
    }
}

/// Text inside of quotes: a backslash begins an escape there.
fn escaped(text: &str) -> String {
    inert(&shortened(text, 120)).replace('\\', "\\\\").replace('"', "\\\"")
}

//! Where in a JSON text the values lie that pointers (RFC 6901) lead to.
//!
//! The text is walked once, with a stack of its own; what is wanted is a tree of keys, so that what leads nowhere is
//! passed over without being compared.

use std::collections::BTreeMap;
use std::ops::Range;

/// Deeper texts are not followed.
const MOST_DEPTH: usize = 10_000;

/// The range of each pointer's value, without the space around it; `None` where the text has no such value.
///
/// Of members that share a key the last one counts, as parsers have it.
pub(super) fn ranges(json: &[u8], pointers: &[&str]) -> Vec<Option<Range<usize>>> {
    let tree = Tree::of(pointers);
    let mut found = vec![None; pointers.len()];
    let start = if json.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    // What is no JSON ends the walk: what was found before it stays.
    let _ = Walk { json, at: start, tree: &tree, found: &mut found }.document();
    found
}

/// The pointers as a tree: node 0 is the document.
struct Tree {
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    children: BTreeMap<String, usize>,
    wanted: Vec<usize>,
}

impl Tree {
    fn of(pointers: &[&str]) -> Self {
        let mut tree = Self { nodes: vec![Node::default()] };
        for (index, pointer) in pointers.iter().enumerate() {
            let mut node = 0;
            // The first part is what stands before the first slash: nothing.
            for token in pointer.split('/').skip(1) {
                let key = token.replace("~1", "/").replace("~0", "~");
                let next = tree.nodes.len();
                let child = *tree.nodes[node].children.entry(key).or_insert(next);
                if child == next {
                    tree.nodes.push(Node::default());
                }
                node = child;
            }
            if pointer.is_empty() || pointer.starts_with('/') {
                tree.nodes[node].wanted.push(index);
            }
        }
        tree
    }

    fn child(&self, node: Option<usize>, key: &str) -> Option<usize> {
        self.nodes.get(node?)?.children.get(key).copied()
    }
}

/// A list or object that is open.
struct Open {
    /// Its node in the tree, when something in it is wanted, or it itself.
    node: Option<usize>,
    start: usize,
    /// Number of the next item; `None` for an object.
    item: Option<usize>,
}

struct Walk<'a> {
    json: &'a [u8],
    at: usize,
    tree: &'a Tree,
    found: &'a mut Vec<Option<Range<usize>>>,
}

impl Walk<'_> {
    fn document(&mut self) -> Option<()> {
        let mut open: Vec<Open> = Vec::new();
        let mut node = Some(0);
        loop {
            // A value begins here.
            self.space();
            let start = self.at;
            match self.json.get(self.at)? {
                byte @ (b'[' | b'{') if open.len() < MOST_DEPTH => {
                    let item = (*byte == b'[').then_some(0);
                    open.push(Open { node, start, item });
                    self.at += 1;
                }
                b'"' => {
                    self.string()?;
                    self.note(node, start);
                }
                _ => {
                    self.scalar()?;
                    self.note(node, start);
                }
            }
            // Whatever ends here ends, until another value begins.
            loop {
                self.space();
                let Some(inner) = open.last_mut() else { return Some(()) };
                match self.json.get(self.at)? {
                    b']' | b'}' => {
                        self.at += 1;
                        let closed = open.pop()?;
                        self.note(closed.node, closed.start);
                    }
                    b',' => self.at += 1,
                    _ => {
                        let parent = inner.node;
                        node = if let Some(number) = &mut inner.item {
                            let key = number.to_string();
                            *number += 1;
                            self.tree.child(parent, &key)
                        } else {
                            let key = self.string()?;
                            self.space();
                            (*self.json.get(self.at)? == b':').then_some(())?;
                            self.at += 1;
                            // Most objects hold nothing that is wanted: their keys need not be read.
                            parent.and_then(|_| {
                                let key: String = serde_json::from_slice(self.json.get(key)?).ok()?;
                                self.tree.child(parent, &key)
                            })
                        };
                        break;
                    }
                }
            }
        }
    }

    fn note(&mut self, node: Option<usize>, start: usize) {
        let Some(node) = node.and_then(|node| self.tree.nodes.get(node)) else { return };
        for index in &node.wanted {
            if let Some(found) = self.found.get_mut(*index) {
                *found = Some(start..self.at);
            }
        }
    }

    fn space(&mut self) {
        while self.json.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// Passes over a string with its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        (*self.json.get(self.at)? == b'"').then_some(())?;
        self.at += 1;
        loop {
            match self.json.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }

    /// Passes over a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Option<()> {
        let start = self.at;
        while self.json.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
        {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_behind_pointers() {
        let check = |json: &str, pointer: &str, expected: Option<&str>| {
            let range = ranges(json.as_bytes(), &[pointer]).remove(0);
            assert_eq!(range.map(|range| &json[range]), expected, "{pointer} of {json}");
        };
        let json = r#" {"a": [1, {"b/c": "x\"]"}, [ ]], "d~e": null, "f": {"g": -1.5e3 } , "é": true} "#;
        check(json, "", Some(json.trim()));
        check(json, "/a/0", Some("1"));
        check(json, "/a/1/b~1c", Some(r#""x\"]""#));
        check(json, "/a/2", Some("[ ]"));
        check(json, "/d~0e", Some("null"));
        check(json, "/f", Some(r#"{"g": -1.5e3 }"#));
        check(json, "/f/g", Some("-1.5e3"));
        check(json, "/é", Some("true"));
        check(json, "/a/3", None);
        check(json, "/a/00", None);
        check(json, "a", None);
        check(r#"{"k": 1, "k": 2}"#, "/k", Some("2"));
        check(r#"{"\u006b": 1}"#, "/k", Some("1"));
        check("\u{feff}[7]", "/0", Some("7"));
        check("7", "", Some("7"));
    }

    #[test]
    fn what_is_no_json_leads_nowhere() {
        let check = |json: &[u8]| assert_eq!(ranges(json, &["/a/b"]), [None]);
        check(b"");
        check(b"{\"a\": {\"b\"");
        check(b"{\"a\" 1}");
        check(b"\xff\xfe");
        check(b"{\"a\\");
        check(&b"[".repeat(100_000));
        check(&b"{\"a\":".repeat(100_000));
    }
}

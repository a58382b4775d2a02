//! From an expression to the object that it names.
//!
//! The names of references are made by the same code that writes paths ([`crate::naming::edge`]), so that every path
//! that is printed leads back. On top of that, what Python code would say is understood: attributes of classes, negative
//! indexes, constants in any notation.

use rustc_hash::FxHashSet;

use super::error::ExpressionError;
use super::literal::{Cursor, Literal};
use super::parse::{self, Token, Wanted};
use crate::naming::edge::{Context, Name, may_be, transition};
use crate::naming::look::Look;
use crate::naming::members;
use crate::naming::roots;
use crate::references::visit::Step;

/// Most places at which one expression is looked for.
const MAX_STATES: usize = 10_000;

/// The beginning of an expression that is known.
struct Start {
    /// Bytes of the expression that it takes.
    length: usize,
    address: u64,
    context: Context,
}

/// The object that an expression names.
pub(crate) fn resolve(look: &Look<'_, '_, '_>, expression: &str) -> Result<u64, ExpressionError> {
    let expression = expression.trim();
    let mut starts = starts(look, expression)?;
    // The longest beginning first: `shop.cache` goes before `shop`.
    starts.sort_by_key(|start| std::cmp::Reverse(start.length));
    let mut failure = None;
    for start in starts {
        let mut cursor = Cursor::new(expression);
        cursor.skip(start.length);
        let tokens = parse::steps(&mut cursor)?;
        match follow(look, &start, &tokens, cursor.column()) {
            Ok(address) => return Ok(address),
            Err(error)
                if failure.as_ref().is_none_or(|known: &ExpressionError| known.column < error.column) =>
            {
                failure = Some(error);
            }
            Err(_) => {}
        }
    }
    let why = "an expression begins with an address, the name of a module, or what paths begin with: <thread 'name'>";
    Err(failure.unwrap_or_else(|| Cursor::new(expression).error(why)))
}

/// Where an expression can begin.
fn starts(look: &Look<'_, '_, '_>, expression: &str) -> Result<Vec<Start>, ExpressionError> {
    if expression.starts_with("0x") || expression.starts_with("0X") {
        return address(look, expression).map(|start| vec![start]);
    }
    let mut found = Vec::new();
    if expression.starts_with('<') {
        found.extend(held_by_native_code(look, expression)?);
        named_roots(look, expression, &mut found);
    }
    modules(look, expression, &mut found);
    Ok(found)
}

fn address(look: &Look<'_, '_, '_>, expression: &str) -> Result<Start, ExpressionError> {
    let mut cursor = Cursor::new(expression);
    cursor.skip(2);
    let digits = cursor.take_while(|character| character.is_ascii_hexdigit());
    let number = u64::from_str_radix(digits, 16);
    let address = number.map_err(|_| cursor.error("an address has one to sixteen hexadecimal digits"))?;
    if look.facts(address).is_none() {
        let why = format!("no object is at {address:#x}, or it is not in the core");
        return Err(Cursor::new(expression).error(why));
    }
    Ok(Start { length: 2 + digits.len(), address, context: Context::Plain })
}

/// `<native>.<dict at 0x7f12>`, `<thread 'w'>.<C stack>.<dict at 0x7f12>` and `<class Name at 0x7f12>`.
fn held_by_native_code(look: &Look<'_, '_, '_>, expression: &str) -> Result<Option<Start>, ExpressionError> {
    let mut cursor = Cursor::new(expression);
    match holder(look, expression) {
        Some(length) => cursor.skip(length),
        None if expression.starts_with("<class ") => {}
        None => return Ok(None),
    }
    let text = parse::angle(&mut cursor)?;
    let address = parse::address_in(&text).filter(|&address| look.facts(address).is_some());
    let address = address.ok_or_else(|| Cursor::new(expression).error("no object is at that address"))?;
    Ok(Some(Start { length: expression.len() - cursor.rest().len(), address, context: Context::Plain }))
}

/// How long the part is that says what native code holds an object.
fn holder(look: &Look<'_, '_, '_>, expression: &str) -> Option<usize> {
    let is_first =
        |holder: &String| expression.strip_prefix(holder).is_some_and(|rest| rest.starts_with('.'));
    let mut holders = vec!["<native>".to_owned()];
    if expression.contains(".<C stack>.") {
        let threads = roots::native_threads(look.runtime).into_iter();
        holders.extend(threads.map(|(_, label)| roots::native_stack(&label)));
    }
    holders.into_iter().find(is_first).map(|holder| holder.len() + 1)
}

/// Threads with their frames, exceptions and thread locals; what other interpreters have.
fn named_roots(look: &Look<'_, '_, '_>, expression: &str, found: &mut Vec<Start>) {
    let mut roots = roots::find(look.runtime);
    let locals = match look.reader.places.local_localdicts {
        Some(_) if expression.contains("<thread-local") => look.thread_locals(),
        _ => Vec::new(),
    };
    for &interpreter in look.runtime.interpreters() {
        for (thread, label) in roots::threads(look.runtime, interpreter) {
            roots.extend(roots::locals_of_objects(look.runtime, &thread, &label, &locals));
            roots.extend(roots::context_variables(look.runtime, &thread, &label));
        }
    }
    for root in roots {
        let address = root.address;
        if let Some(exact) = root.name.exact.filter(|exact| is_beginning(exact, expression)) {
            found.push(Start { length: exact.len(), address, context: Context::Plain });
        }
        if is_beginning(&root.name.text, expression) {
            let length = root.name.text.len();
            found.push(Start { length, address, context: root.name.context });
            if root.name.context == Context::Frame {
                found.push(Start { length, address, context: Context::Plain });
            }
        }
    }
}

/// Modules by name; a name that no module has is one of `__main__` or a built-in.
fn modules(look: &Look<'_, '_, '_>, expression: &str, found: &mut Vec<Start>) {
    for &interpreter in look.runtime.interpreters().iter().rev() {
        let prefix = roots::prefix(look.runtime, interpreter);
        let Some(rest) = expression.strip_prefix(&prefix) else { continue };
        let Some(modules) = look.runtime.modules(interpreter) else { continue };
        let mut implied = Vec::new();
        look.dict_items(modules.address().0, |key, module| {
            if !look.is_str(key) {
                return;
            }
            let Some(name) = look.text(key, rest.len().max(16) as u64) else { return };
            if is_beginning(&name, rest) {
                let start = |context, address| Start { length: prefix.len() + name.len(), address, context };
                found.push(start(Context::Plain, module));
            }
            if name == "__main__" || name == "builtins" {
                implied.push((name != "__main__", module));
            }
        });
        implied.sort_unstable();
        let name: usize = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        for (_, module) in implied {
            let value = look.module_dict(module).and_then(|dict| look.dict_item(dict, &rest[..name]));
            if let Some(address) = value.filter(|_| name > 0) {
                found.push(Start { length: prefix.len() + name, address, context: Context::Plain });
            }
        }
    }
}

/// Whether `text` is the beginning of an expression, up to a step.
fn is_beginning(text: &str, expression: &str) -> bool {
    expression.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A place that was reached, and how many steps that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    address: u64,
    context: Context,
    done: usize,
}

/// Follows steps depth first; the first place at which all are done is the answer.
fn follow(
    look: &Look<'_, '_, '_>,
    start: &Start,
    tokens: &[Token],
    end: usize,
) -> Result<u64, ExpressionError> {
    let first = State { address: start.address, context: start.context, done: 0 };
    let (mut open, mut seen) = (vec![first], FxHashSet::default());
    let mut furthest = first;
    while let Some(state) = open.pop() {
        if !seen.insert(state) {
            continue;
        }
        if seen.len() > MAX_STATES {
            return Err(ExpressionError { column: end, why: "too many objects have such names".to_owned() });
        }
        if state.done > furthest.done {
            furthest = state;
        }
        let Some(token) = tokens.get(state.done) else {
            if let Some(address) = object_of(look, state) {
                return Ok(address);
            }
            continue;
        };
        // What is found first is looked at last.
        let before = open.len();
        step(look, state, &token.wanted, tokens, &mut open);
        open[before..].reverse();
    }
    let column = tokens.get(furthest.done).map_or(end, |token| token.column);
    let wanted = tokens.get(furthest.done).map(|token| &token.wanted);
    Err(ExpressionError { column, why: why_not(look, furthest, wanted) })
}

/// Where all steps are done: what is in a cell stands for the cell.
fn object_of(look: &Look<'_, '_, '_>, state: State) -> Option<u64> {
    if state.context != Context::Cell {
        return look.facts(state.address).map(|_| state.address);
    }
    let contents = look.bytes(state.address)?.word(look.reader.places.cell_ref?)?;
    look.facts(contents).map(|_| contents)
}

fn step(look: &Look<'_, '_, '_>, state: State, wanted: &Wanted, tokens: &[Token], open: &mut Vec<State>) {
    let State { address, context, done } = state;
    let wanted = counted_from_start(look, address, wanted);
    let rest = tokens.get(done..).unwrap_or_default();
    let fits = |names: &[Name]| {
        names.len() <= rest.len()
            && names
                .iter()
                .zip(rest)
                .enumerate()
                .all(|(number, (name, token))| name.is(if number == 0 { &wanted } else { &token.wanted }))
    };
    let before = open.len();
    look.visit(address, |target, step| {
        if !may_be(look, step, context, &wanted) || look.facts(target).is_none() {
            return;
        }
        if let (Step::Item(key) | Step::Attribute(key), Wanted::Item(wanted)) = (step, &wanted) {
            // Whatever a path would write: a key that is long, or a constant in another notation.
            if context.has_items() && is_key(look, key, wanted) {
                open.push(State { address: target, context: Context::Plain, done: done + 1 });
            }
            return;
        }
        let found = transition(look, address, context, step, target);
        // A class has its dict as an attribute, and one of that name in it.
        if context == Context::Plain
            && let Some(exact) = found.exact.as_ref().filter(|exact| fits(exact))
        {
            open.push(State { address: target, context: Context::Plain, done: done + exact.len() });
        }
        if !found.from_part && fits(&found.names) {
            open.push(State { address: target, context: found.next, done: done + found.names.len() });
        }
    });
    let next = |address| State { address, context: Context::Plain, done: done + 1 };
    match &wanted {
        Wanted::Attribute(name) if context == Context::Plain => {
            open.extend(attribute_of_class(look, address, name).map(next));
        }
        // A place that a path could not lead to by names.
        Wanted::Angle(text) if open.len() == before && is_jump(text) => {
            open.extend(parse::address_in(text).map(next));
        }
        _ => {}
    }
}

/// Whether a key of a dict is a constant.
fn is_key(look: &Look<'_, '_, '_>, key: u64, wanted: &Literal) -> bool {
    match wanted {
        Literal::Str(text) => look.is_str(key) && look.reader.is_text(key, text),
        _ => look.literal(key).is_some_and(|literal| literal.is_same_key(wanted)),
    }
}

/// `<12 more steps to 0x7f12>` and `<object at 0x7f12>`.
fn is_jump(angle: &str) -> bool {
    angle.contains(" more steps to 0x") || angle.starts_with("<object at 0x")
}

/// A negative index counts from the end.
fn counted_from_start(look: &Look<'_, '_, '_>, address: u64, wanted: &Wanted) -> Wanted {
    let index = match wanted {
        Wanted::Item(key) => key.index().filter(|&index| index < 0),
        _ => None,
    };
    let len =
        index.and_then(|_| members::len_of_sequence(look, address)).and_then(|len| i64::try_from(len).ok());
    match index.zip(len).and_then(|(index, len)| len.checked_add(index)) {
        Some(index) => Wanted::Item(Literal::Int(index.to_string())),
        None => wanted.clone(),
    }
}

/// What Python finds in the class when the object itself has no such attribute.
fn attribute_of_class(look: &Look<'_, '_, '_>, address: u64, name: &str) -> Option<u64> {
    let facts = look.facts(address)?;
    if name == "__class__" {
        return Some(facts.address);
    }
    let own = if facts.is_metatype() { members::class_attribute(look, address, name) } else { None };
    own.or_else(|| members::class_attribute(look, facts.address, name))
}

fn why_not(look: &Look<'_, '_, '_>, at: State, wanted: Option<&Wanted>) -> String {
    let State { address, context, .. } = at;
    if look.facts(address).is_none() {
        return format!("what should be at {address:#x} is not in the core");
    }
    let type_name = look.type_name(address);
    let what = match context {
        Context::Cell => return "the variable has no value".to_owned(),
        Context::Namespace | Context::Mapping => "the object".to_owned(),
        Context::Closure(_) => "the closure".to_owned(),
        Context::Frame => "the frame".to_owned(),
        Context::Plain => format!("the {type_name} at {address:#x}"),
    };
    match wanted {
        Some(Wanted::Attribute(name)) => {
            format!("{what} has no attribute {name}, or its value is not in the core")
        }
        Some(Wanted::Item(key)) => match members::len_of_sequence(look, address) {
            Some(len) => format!("{what} has {len} elements, none at {key}"),
            None => format!("{what} has nothing under {key}"),
        },
        Some(Wanted::Angle(text)) => format!("{what} has nothing that is called {text}"),
        None => format!("{what} cannot be told"),
    }
}

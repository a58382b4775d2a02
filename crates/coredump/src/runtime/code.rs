//! Code objects: names, files, and positions of their instructions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, BytesObject, CodeObject, TupleObject, TypeObject, UnicodeObject};
use crate::line_table::{self, Position};
use crate::memory::FaultKind;
use crate::objects::repr;
use crate::objects::unicode::read_string;
use crate::runtime::python::Python;

/// What a code object says about itself.
#[derive(Clone, Debug)]
pub struct Code {
    /// Where it lies.
    pub address: Ptr<CodeObject>,
    /// `co_name`; a mark that says why where it is lost.
    pub name: String,
    /// `co_qualname` (3.11+).
    pub qualname: Option<String>,
    /// `co_filename`; a mark that says why where it is lost.
    pub file: String,
    /// `co_firstlineno`.
    pub first_line: i64,
    /// `co_flags`.
    pub flags: i32,
    /// Names and kinds of the variables in a frame's slots, in their order.
    pub variables: Vec<Variable>,
    /// Why the names of all variables are lost, where they are.
    pub variables_lost: Option<ReadError>,
    line_table: Option<Vec<u8>>,
}

/// A variable of a code object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// How it is bound.
    pub kind: VariableKind,
    /// The slot holds a cell with the value in it.
    pub in_cell: bool,
}

/// How a variable is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// A parameter.
    Argument,
    /// A local variable.
    Local,
    /// A local variable that inner functions use.
    Cell,
    /// A variable of an outer function.
    Free,
}

/// Longest name or path that is read.
const MAX_NAME: usize = 4096;
/// Longest line table that is read; a function of a million lines has one of some MiB.
const MAX_LINE_TABLE: u64 = 64 << 20;
/// Bytes of code objects that are kept; what is read of one that comes later is its name and its file.
const MAX_KEPT: usize = 96 << 20;
/// A frame has at most this many variables in what any compiler produces.
const MAX_VARIABLES: u64 = 1 << 16;

const CO_VARARGS: i32 = 0x04;
const CO_VARKEYWORDS: i32 = 0x08;

/// `co_localspluskinds` (`Include/internal/pycore_code.h` at v3.11.7).
const CO_FAST_CELL: u8 = 0x40;
const CO_FAST_FREE: u8 = 0x80;

/// Code objects read once each.
#[derive(Debug, Default)]
pub(crate) struct CodeCache {
    read: RefCell<FxHashMap<Ptr<CodeObject>, Rc<Code>>>,
    /// Bytes of names and line tables that were kept of all of them.
    kept: Cell<usize>,
    code_type: RefCell<Option<Ptr<TypeObject>>>,
}

impl CodeCache {
    /// The code object at `at`, verified to be one.
    pub(crate) fn get(&self, python: &Python<'_>, at: Ptr<CodeObject>) -> Result<Rc<Code>, ReadError> {
        if let Some(code) = self.read.borrow().get(&at) {
            return Ok(Rc::clone(code));
        }
        self.check_type(python, at)?;
        let code = Rc::new(Code::read(python, at, self.kept.get() < MAX_KEPT)?);
        self.kept.set(self.kept.get().saturating_add(code.size()));
        self.read.borrow_mut().insert(at, Rc::clone(&code));
        Ok(code)
    }

    /// The type of the code objects seen so far.
    pub(crate) fn code_type(&self) -> Option<Ptr<TypeObject>> {
        *self.code_type.borrow()
    }

    /// Whether the object is a code object: its type is that of the first one seen, which must have the size
    /// that the layout says.
    pub(crate) fn check_type(&self, python: &Python<'_>, at: Ptr<CodeObject>) -> Result<(), ReadError> {
        let invalid = |what| ReadError::Invalid { at: at.address(), what };
        let found = python.type_of(at.cast())?;
        match *self.code_type.borrow() {
            Some(code_type) if code_type == found => return Ok(()),
            Some(_) => return Err(invalid("not a code object")),
            None => {}
        }
        let size = python.read(found, member::TYPE_BASICSIZE)?;
        let expected = match python.layout().offset(member::CODE_CODE_ADAPTIVE) {
            Ok(offset) => offset,
            Err(_) => python.layout().size_of(member::CODE_SIZE)?,
        };
        if u64::try_from(size) != Ok(expected) {
            return Err(invalid("not a code object: its type's size is another one"));
        }
        *self.code_type.borrow_mut() = Some(found);
        Ok(())
    }
}

impl Code {
    /// Reads it; when it is not `whole`, its variables and its line table are left out.
    fn read(python: &Python<'_>, at: Ptr<CodeObject>, whole: bool) -> Result<Self, ReadError> {
        let text = |value: Option<Ptr<UnicodeObject>>, what| -> Result<String, ReadError> {
            read_string(python, value.ok_or(ReadError::Null(what))?, MAX_NAME)
        };
        let qualname = match python.read(at, member::CODE_QUALNAME) {
            Ok(value) => text(value, "co_qualname").map(Some).or_else(|error| lost(&error).map(|_| None))?,
            Err(ReadError::NoMember(_)) => None,
            Err(error) => return Err(error),
        };
        let name = text(python.read(at, member::CODE_NAME)?, "co_name").or_else(|error| {
            // The last part of the qualified name is the name.
            let part = qualname.as_deref().and_then(|whole| whole.rsplit('.').next()).map(str::to_owned);
            lost(&error).map(|mark| part.unwrap_or(mark))
        })?;
        let file =
            text(python.read(at, member::CODE_FILENAME)?, "co_filename").or_else(|error| lost(&error))?;
        let table = if python.layout().has(member::CODE_LINETABLE) {
            python.read(at, member::CODE_LINETABLE)?
        } else {
            python.read(at, member::CODE_LNOTAB)?
        };
        let flags = python.read(at, member::CODE_FLAGS)?;
        let limit = ReadError::Invalid { at: at.address(), what: "more code than is read" };
        let variables = if whole { variables(python, at, flags) } else { Err(limit) };
        let (variables, variables_lost) = match variables {
            Err(error) if error == limit => (Vec::new(), Some(error)),
            Ok(variables) => (variables, None),
            Err(error) => lost(&error).map(|_| (Vec::new(), Some(error)))?,
        };
        Ok(Self {
            address: at,
            name,
            qualname,
            file,
            first_line: i64::from(python.read(at, member::CODE_FIRSTLINENO)?),
            flags,
            variables,
            variables_lost,
            line_table: match bytes_of(
                python,
                table.ok_or(ReadError::Null("the line table"))?,
                if whole { MAX_LINE_TABLE } else { 0 },
            ) {
                Ok(table) => Some(table),
                Err(_) if !whole => None,
                Err(error) => lost(&error).map(|_| None)?,
            },
        })
    }

    /// Bytes that it takes.
    fn size(&self) -> usize {
        let variables = self.variables.iter().map(|variable| variable.name.len() + size_of::<Variable>());
        let texts = self.name.len() + self.file.len() + self.qualname.as_ref().map_or(0, String::len);
        variables.sum::<usize>() + texts + self.line_table.as_ref().map_or(0, Vec::len) + size_of::<Self>()
    }

    /// Whether neither the name nor the file is known.
    pub(crate) fn is_nameless(&self) -> bool {
        repr::is_mark(&self.name) && repr::is_mark(&self.file)
    }

    /// The source position of the instruction `offset` bytes into the code; before the first one, or where the
    /// table has no entry, the line that the function begins on. No line where the table is lost.
    pub(crate) fn position(&self, python: &Python<'_>, offset: Option<u64>) -> Position {
        let def_line = Position { line: u32::try_from(self.first_line).ok(), ..Position::default() };
        let Some(offset) = offset else { return def_line };
        let format = python.dialect().line_table;
        let Some(table) = &self.line_table else { return Position::default() };
        line_table::position(format, table, self.first_line, offset).unwrap_or(def_line)
    }
}

/// The mark for a part of a code object whose memory is lost; all else is an error.
fn lost(error: &ReadError) -> Result<String, ReadError> {
    match error {
        ReadError::Fault(fault) if matches!(fault.kind, FaultKind::Truncated | FaultKind::NotDumped) => {
            Ok(repr::mark(error))
        }
        _ => Err(*error),
    }
}

/// The contents of a bytes object, at most `limit` of them.
fn bytes_of(python: &Python<'_>, at: Ptr<BytesObject>, limit: u64) -> Result<Vec<u8>, ReadError> {
    let len = python.read(at.cast(), member::VAR_SIZE)?;
    let len = u64::try_from(len).ok().filter(|&len| len <= limit);
    let len = len.ok_or(ReadError::Invalid { at: at.address(), what: "implausible length of bytes" })?;
    Ok(python.bytes(python.address_of(at, member::BYTES_DATA)?, len)?.into_owned())
}

fn names_of(python: &Python<'_>, at: Option<Ptr<TupleObject>>) -> Result<Vec<String>, ReadError> {
    let at = at.ok_or(ReadError::Null("a tuple of names"))?;
    let len = python.read(at.cast(), member::VAR_SIZE)?;
    let len = u64::try_from(len).ok().filter(|&len| len <= MAX_VARIABLES);
    let len = len.ok_or(ReadError::Invalid { at: at.address(), what: "implausible number of names" })?;
    let word = python.space().target().word_size as u64;
    let items = python.bytes(python.address_of(at, member::TUPLE_ITEMS)?, len * word)?;
    let names = python.space().target().words(&items).map(|item| {
        let name = Ptr::new(crate::address::Address(item)).ok_or(ReadError::Null("a name"))?;
        read_string(python, name, MAX_NAME).or_else(|error| lost(&error))
    });
    names.collect()
}

fn variables(python: &Python<'_>, at: Ptr<CodeObject>, flags: i32) -> Result<Vec<Variable>, ReadError> {
    let counted = python.read(at, member::CODE_ARGCOUNT)? + python.read(at, member::CODE_KWONLYARGCOUNT)?;
    let star = i32::from(flags & CO_VARARGS != 0) + i32::from(flags & CO_VARKEYWORDS != 0);
    let arguments = usize::try_from(counted + star).unwrap_or(0);
    let plain = |index| if index < arguments { VariableKind::Argument } else { VariableKind::Local };
    if python.layout().has(member::CODE_LOCALSPLUSNAMES) {
        let names = names_of(python, python.read(at, member::CODE_LOCALSPLUSNAMES)?)?;
        let kinds =
            python.read(at, member::CODE_LOCALSPLUSKINDS)?.ok_or(ReadError::Null("co_localspluskinds"))?;
        let kinds = bytes_of(python, kinds, MAX_VARIABLES)?;
        let variable = |(index, (name, kind)): (usize, (String, u8))| {
            let (kind, in_cell) = match kind {
                kind if kind & CO_FAST_FREE != 0 => (VariableKind::Free, true),
                kind if kind & CO_FAST_CELL != 0 && index >= arguments => (VariableKind::Cell, true),
                kind => (plain(index), kind & CO_FAST_CELL != 0),
            };
            Variable { name, kind, in_cell }
        };
        return Ok(names.into_iter().zip(kinds).enumerate().map(variable).collect());
    }
    let named = |names: Vec<String>, kind: VariableKind| {
        names.into_iter().map(move |name| Variable { name, kind, in_cell: true })
    };
    let tuples = [
        python.read(at, member::CODE_VARNAMES)?,
        python.read(at, member::CODE_CELLVARS)?,
        python.read(at, member::CODE_FREEVARS)?,
    ];
    let [locals, cells, free] = tuples.map(|tuple| names_of(python, tuple));
    // One tuple for cells and for free variables is the empty one, also where it is lost.
    let [names, of_cells, of_free] = tuples;
    let is_empty = |tuple: Option<_>| tuple.is_some() && tuple == of_cells && of_cells == of_free;
    let or_empty = |tuple, names: Result<Vec<String>, ReadError>| {
        names.or_else(|error| if is_empty(tuple) { lost(&error).map(|_| Vec::new()) } else { Err(error) })
    };
    let (locals, cells, free) =
        (or_empty(names, locals)?, or_empty(of_cells, cells)?, or_empty(of_free, free)?);
    let locals = locals.into_iter().enumerate().map(|(index, name)| Variable {
        name,
        kind: plain(index),
        in_cell: false,
    });
    Ok(locals.chain(named(cells, VariableKind::Cell)).chain(named(free, VariableKind::Free)).collect())
}

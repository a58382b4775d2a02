use std::fmt;

use super::opcode::opcode_name;
use super::value::{ObjectRow, Store, TupleRow, Value};

/// Most values that a pickle may keep: in tuples, lists, dicts and the memo. At 8 bytes each.
const MOST_VALUES: usize = 96 << 20;
/// Most values on the stack, and most marks: pickles of lists send at most 1,000 items at once, of tuples all.
const MOST_STACK: usize = 1 << 20;
/// Deepest protocol that is known.
const NEWEST_PROTOCOL: u8 = 5;

/// What a pickle holds, as far as it was read.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    /// All values.
    pub(crate) store: Store<'a>,
    /// What stood on the stack at the end, or why the end was not reached.
    pub(crate) result: Result<Value, Refusal>,
}

/// Where the machine stopped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Offset of the opcode.
    pub(crate) offset: u64,
    /// The opcode; `None` at the end of the input.
    pub(crate) opcode: Option<u8>,
    /// The reason.
    pub(crate) why: Why,
}

/// Why the machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The input ends before the pickle does.
    Ends,
    /// The opcode is none that plain data needs.
    NotAllowed,
    /// The class or function is none that was allowed.
    ForeignName(String),
    /// The opcode takes what the stack does not have.
    Stack,
    /// The memo has no such entry.
    Memo,
    /// The int needs more than 64 bits.
    WideInt,
    /// There are more values, on the stack or in all, than this.
    TooMany(usize),
    /// The protocol is newer than those that are known.
    Protocol(u8),
}

impl Refusal {
    /// Whether the input merely ends too early.
    pub(crate) fn is_cut(&self) -> bool {
        self.why == Why::Ends
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opcode {
            Some(opcode) => match opcode_name(opcode) {
                Some(name) => write!(f, "{name} at {:#x}: ", self.offset)?,
                None => write!(f, "byte {opcode:#04x} at {:#x}: ", self.offset)?,
            },
            None => write!(f, "at {:#x}: ", self.offset)?,
        }
        match &self.why {
            Why::Ends => f.write_str("the file ends within the pickle"),
            Why::NotAllowed => f.write_str("no opcode that plain data needs"),
            Why::ForeignName(name) => write!(f, "{name} is refused; nothing of a pickle is ever run"),
            Why::Stack => f.write_str("the stack does not hold what it takes"),
            Why::Memo => f.write_str("no such entry in the memo"),
            Why::WideInt => f.write_str("the number has more than 64 bits"),
            Why::TooMany(most) => write!(f, "more than {most} values"),
            Why::Protocol(protocol) => write!(f, "protocol {protocol} is not known"),
        }
    }
}

/// Runs a pickle; of classes it knows only those that are listed, as `(module, name)`.
///
/// The input is to be shorter than 4 GiB; the rest of a longer one is not looked at.
pub(crate) fn run<'a>(pickle: &'a [u8], classes: &[(&str, &str)]) -> Pickle<'a> {
    let pickle = pickle.get(..u32::MAX as usize).unwrap_or(pickle);
    let mut machine = Machine::new(pickle, classes);
    let result = loop {
        let offset = machine.at as u64;
        let Some(opcode) = machine.byte() else {
            break Err(Refusal { offset, opcode: None, why: Why::Ends });
        };
        machine.start = offset as u32;
        match machine.step(opcode) {
            Ok(None) => {}
            Ok(Some(value)) => break Ok(value),
            Err(why) => break Err(Refusal { offset, opcode: Some(opcode), why }),
        }
    };
    Pickle { store: machine.store, result }
}

struct Machine<'a, 'c> {
    store: Store<'a>,
    classes: &'c [(&'c str, &'c str)],
    /// Offset of the next byte.
    at: usize,
    /// Offset of the opcode that runs.
    start: u32,
    /// Values with the offset of the first byte that made them.
    stack: Vec<(Value, u32)>,
    /// Heights of the stack at each mark, with the mark's offset.
    marks: Vec<(u32, u32)>,
    memo: Vec<Option<Value>>,
    /// Values that are kept in dicts and lists.
    kept: usize,
}

type Step<T> = Result<T, Why>;

impl<'a, 'c> Machine<'a, 'c> {
    fn new(pickle: &'a [u8], classes: &'c [(&'c str, &'c str)]) -> Self {
        let store = Store {
            pickle,
            large_ints: Vec::new(),
            texts: Vec::new(),
            tuples: Vec::new(),
            items: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            objects: Vec::new(),
        };
        Self {
            store,
            classes,
            at: 0,
            start: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            kept: 0,
        }
    }

    /// Runs one opcode; gives the value when it is the last one.
    fn step(&mut self, opcode: u8) -> Step<Option<Value>> {
        match opcode {
            b'K' => {
                let int = i32::from(self.byte().ok_or(Why::Ends)?);
                self.push(Value::Int(int))?;
            }
            b'M' => {
                let int = i32::from(u16::from_le_bytes(self.array()?));
                self.push(Value::Int(int))?;
            }
            b'J' => {
                let int = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(int))?;
            }
            0x8a => self.long()?,
            b'h' => {
                let entry = u32::from(self.byte().ok_or(Why::Ends)?);
                self.get(entry)?;
            }
            b'j' => {
                let entry = u32::from_le_bytes(self.array()?);
                self.get(entry)?;
            }
            0x94 => self.put(self.memo.len())?,
            b'q' => {
                let entry = self.byte().ok_or(Why::Ends)?;
                self.put(usize::from(entry))?;
            }
            b'r' => {
                let entry = u32::from_le_bytes(self.array()?);
                self.put(entry as usize)?;
            }
            b'(' => self.mark()?,
            b't' => {
                let (height, start) = self.marks.pop().ok_or(Why::Stack)?;
                self.tuple(height as usize, start)?;
            }
            b')' => self.tuple(self.stack.len(), self.start)?,
            0x85..=0x87 => {
                let height = self.top(usize::from(opcode - 0x84))?;
                let start = self.stack.get(height).ok_or(Why::Stack)?.1;
                self.tuple(height, start)?;
            }
            0x8c => {
                let len = self.byte().ok_or(Why::Ends)?;
                self.text(u64::from(len))?;
            }
            b'X' => {
                let len = u32::from_le_bytes(self.array()?);
                self.text(u64::from(len))?;
            }
            0x8d => {
                let len = u64::from_le_bytes(self.array()?);
                self.text(len)?;
            }
            b'.' => return self.pop().map(Some),
            _ => self.rare_step(opcode)?,
        }
        Ok(None)
    }

    /// Runs an opcode of which a pickle has only a few.
    fn rare_step(&mut self, opcode: u8) -> Step<()> {
        match opcode {
            0x80 => {
                let protocol = self.byte().ok_or(Why::Ends)?;
                if protocol > NEWEST_PROTOCOL {
                    return Err(Why::Protocol(protocol));
                }
                Ok(())
            }
            // How many bytes follow: a help for reading files in blocks.
            0x95 => self.array::<8>().map(|_| ()),
            b'N' | 0x88 | 0x89 => self.push(Value::Constant),
            b']' => {
                let row = row(self.store.lists.len())?;
                self.keep(1)?;
                self.store.lists.push(Vec::new());
                self.push(Value::List(row))
            }
            b'}' => {
                let row = row(self.store.dicts.len())?;
                self.keep(1)?;
                self.store.dicts.push(Vec::new());
                self.push(Value::Dict(row))
            }
            b'a' => {
                let height = self.top(1)?;
                self.append(height)
            }
            b'e' => {
                let height = self.marks.pop().ok_or(Why::Stack)?.0;
                self.append(height as usize)
            }
            b's' => {
                let height = self.top(2)?;
                self.set_items(height)
            }
            b'u' => {
                let height = self.marks.pop().ok_or(Why::Stack)?.0;
                self.set_items(height as usize)
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.class(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (name, module) = (self.store.text(name), self.store.text(module));
                self.class(module.ok_or(Why::Stack)?, name.ok_or(Why::Stack)?)
            }
            0x81 => self.new_object(),
            b'b' => self.build(),
            _ => Err(Why::NotAllowed),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.store.pickle.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let bytes = self.store.pickle.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(Why::Ends)?;
        self.at += N;
        Ok(*bytes)
    }

    /// Text up to the end of the line.
    fn line(&mut self) -> Step<&'a [u8]> {
        let rest = self.store.pickle.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == b'\n').ok_or(Why::Ends)?;
        self.at += len + 1;
        rest.get(..len).ok_or(Why::Ends)
    }

    fn push(&mut self, value: Value) -> Step<()> {
        if self.stack.len() >= MOST_STACK {
            return Err(Why::TooMany(MOST_STACK));
        }
        self.stack.push((value, self.start));
        Ok(())
    }

    /// Takes the value on top, which must lie above the last mark.
    fn pop(&mut self) -> Step<Value> {
        self.top(1)?;
        self.stack.pop().map(|(value, _)| value).ok_or(Why::Stack)
    }

    /// The height of the stack below so many values, which must lie above the last mark.
    fn top(&self, count: usize) -> Step<usize> {
        self.below(self.stack.len(), count)
    }

    fn below(&self, height: usize, count: usize) -> Step<usize> {
        let floor = self.marks.last().map_or(0, |mark| mark.0 as usize);
        height.checked_sub(count).filter(|below| *below >= floor).ok_or(Why::Stack)
    }

    fn mark(&mut self) -> Step<()> {
        if self.marks.len() >= MOST_STACK {
            return Err(Why::TooMany(MOST_STACK));
        }
        self.marks.push((self.stack.len() as u32, self.start));
        Ok(())
    }

    /// Counts values that stay.
    fn keep(&mut self, more: usize) -> Step<()> {
        self.kept += more;
        let all = self.kept + self.memo.len();
        if all > MOST_VALUES { Err(Why::TooMany(MOST_VALUES)) } else { Ok(()) }
    }

    fn get(&mut self, entry: u32) -> Step<()> {
        let value = self.memo.get(entry as usize).copied().flatten().ok_or(Why::Memo)?;
        self.push(value)
    }

    /// Notes the value on top. Entries come one by one, so one far ahead of the others is none of a real pickle.
    fn put(&mut self, entry: usize) -> Step<()> {
        const FARTHEST: usize = 256;
        let value = self.stack.last().ok_or(Why::Stack)?.0;
        if entry >= self.memo.len() {
            if entry - self.memo.len() > FARTHEST {
                return Err(Why::Memo);
            }
            self.memo.resize(entry + 1, None);
            self.keep(0)?;
        }
        if let Some(slot) = self.memo.get_mut(entry) {
            *slot = Some(value);
        }
        Ok(())
    }

    fn long(&mut self) -> Step<()> {
        let len = usize::from(self.byte().ok_or(Why::Ends)?);
        let digits = self.store.pickle.get(self.at..).and_then(|rest| rest.get(..len)).ok_or(Why::Ends)?;
        self.at += len;
        let is_negative = digits.last().is_some_and(|byte| *byte >= 0x80);
        let mut bytes = [if is_negative { 0xff } else { 0 }; 8];
        bytes.get_mut(..len).ok_or(Why::WideInt)?.copy_from_slice(digits);
        let row = row(self.store.large_ints.len())?;
        self.keep(1)?;
        self.store.large_ints.push(i64::from_le_bytes(bytes));
        self.push(Value::LargeInt(row))
    }

    fn text(&mut self, len: u64) -> Step<()> {
        let offset = self.at as u32;
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        self.at = end.filter(|end| *end <= self.store.pickle.len()).ok_or(Why::Ends)?;
        let row = row(self.store.texts.len())?;
        self.keep(1)?;
        self.store.texts.push((offset, len as u32));
        self.push(Value::Text(row))
    }

    /// Makes a tuple of all above a height of the stack.
    fn tuple(&mut self, height: usize, start: u32) -> Step<()> {
        let items = self.stack.get(height..).ok_or(Why::Stack)?;
        let (first, len) = (row(self.store.items.len())?, items.len() as u32);
        self.store.items.extend(items.iter().map(|(value, _)| *value));
        self.stack.truncate(height);
        // A row of a tuple is as large as two values.
        self.keep(len as usize + 2)?;
        let row = row(self.store.tuples.len())?;
        self.store.tuples.push(TupleRow { first, len, start, end: self.at as u32 });
        self.stack.push((Value::Tuple(row), start));
        Ok(())
    }

    /// Appends all above a height of the stack to the list below it.
    fn append(&mut self, height: usize) -> Step<()> {
        let below = self.below(height, 1)?;
        let Some((Value::List(row), _)) = self.stack.get(below).copied() else { return Err(Why::Stack) };
        let items = self.stack.get(height..).unwrap_or_default();
        let count = items.len();
        if let Some(list) = self.store.lists.get_mut(row as usize) {
            list.extend(items.iter().map(|(value, _)| *value));
        }
        self.stack.truncate(height);
        self.keep(count)
    }

    /// Puts pairs, all above a height of the stack, into the dict below it.
    fn set_items(&mut self, height: usize) -> Step<()> {
        let below = self.below(height, 1)?;
        let Some((Value::Dict(row), _)) = self.stack.get(below).copied() else { return Err(Why::Stack) };
        let items = self.stack.get(height..).unwrap_or_default();
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Why::Stack);
        }
        let count = items.len();
        if let Some(dict) = self.store.dicts.get_mut(row as usize) {
            dict.extend(pairs.iter().map(|[(key, _), (value, _)]| (*key, *value)));
        }
        self.stack.truncate(height);
        self.keep(count)
    }

    fn class(&mut self, module: &[u8], name: &[u8]) -> Step<()> {
        let is_it = |class: &&(&str, &str)| (class.0.as_bytes(), class.1.as_bytes()) == (module, name);
        match self.classes.iter().position(|class| is_it(&class)) {
            Some(place) => {
                self.push(Value::Class(u8::try_from(place).map_err(|_| Why::TooMany(MOST_VALUES))?))
            }
            None => Err(Why::ForeignName(format!("{}.{}", shown(module), shown(name)))),
        }
    }

    /// `class.__new__(class)`: an instance without a state.
    fn new_object(&mut self) -> Step<()> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let takes_none = self.store.items(arguments).is_some_and(<[Value]>::is_empty);
        let Value::Class(class) = class else { return Err(Why::Stack) };
        if !takes_none {
            return Err(Why::Stack);
        }
        let row = row(self.store.objects.len())?;
        self.keep(2)?;
        self.store.objects.push(ObjectRow { class, state: None });
        self.push(Value::Object(row))
    }

    fn build(&mut self) -> Step<()> {
        let state = self.pop()?;
        let below = self.top(1)?;
        let Some((Value::Object(row), _)) = self.stack.get(below).copied() else { return Err(Why::Stack) };
        if let Some(object) = self.store.objects.get_mut(row as usize) {
            object.state = Some(state);
        }
        Ok(())
    }
}

/// The number of the next row of a table.
fn row(len: usize) -> Step<u32> {
    u32::try_from(len).map_err(|_| Why::TooMany(MOST_VALUES))
}

/// A name as far as it is worth showing.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 80;
    String::from_utf8_lossy(name.get(..LONGEST).unwrap_or(name)).into_owned()
}

/// A value on the machine's stack: what it is, and where its content is kept.
///
/// Values hold no other values, only numbers of rows in [`Store`]: nothing is copied when the memo hands one out twice,
/// and a value that contains itself costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// `None`, `True`, `False`: never needed, only stood in the way.
    Constant,
    /// An int of 32 bits.
    Int(i32),
    /// A row of the large ints.
    LargeInt(u32),
    /// A row of the texts.
    Text(u32),
    /// A row of the tuples.
    Tuple(u32),
    /// A row of the lists.
    List(u32),
    /// A row of the dicts.
    Dict(u32),
    /// A class by its place in the list of those that are allowed.
    Class(u8),
    /// A row of the objects.
    Object(u32),
}

/// Items of a tuple, and the bytes of the pickle that made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TupleRow {
    /// Number of its first item.
    pub(super) first: u32,
    /// How many it has.
    pub(super) len: u32,
    /// Offset of the first byte that belongs to it.
    pub(crate) start: u32,
    /// Offset behind the opcode that made it.
    pub(crate) end: u32,
}

/// What a class was made into: the class, and the state that `BUILD` gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectRow {
    pub(crate) class: u8,
    pub(crate) state: Option<Value>,
}

/// The content of all values of one pickle.
#[derive(Debug)]
pub(crate) struct Store<'a> {
    pub(super) pickle: &'a [u8],
    pub(super) large_ints: Vec<i64>,
    /// Offset and length of each text.
    pub(super) texts: Vec<(u32, u32)>,
    pub(super) tuples: Vec<TupleRow>,
    pub(super) items: Vec<Value>,
    pub(super) lists: Vec<Vec<Value>>,
    pub(super) dicts: Vec<Vec<(Value, Value)>>,
    pub(super) objects: Vec<ObjectRow>,
}

impl<'a> Store<'a> {
    /// The number that an int is.
    pub(crate) fn int(&self, value: Value) -> Option<i64> {
        match value {
            Value::Int(int) => Some(i64::from(int)),
            Value::LargeInt(row) => self.large_ints.get(row as usize).copied(),
            _ => None,
        }
    }

    /// The bytes of a text: UTF-8, in which lone surrogates may stand.
    pub(crate) fn text(&self, value: Value) -> Option<&'a [u8]> {
        let Value::Text(row) = value else { return None };
        let (offset, len) = *self.texts.get(row as usize)?;
        self.pickle.get(offset as usize..)?.get(..len as usize)
    }

    /// Where a tuple was made.
    pub(crate) fn tuple(&self, value: Value) -> Option<&TupleRow> {
        let Value::Tuple(row) = value else { return None };
        self.tuples.get(row as usize)
    }

    /// The items of a tuple.
    pub(crate) fn items(&self, value: Value) -> Option<&[Value]> {
        let row = self.tuple(value)?;
        self.items.get(row.first as usize..)?.get(..row.len as usize)
    }

    /// The items of a list.
    pub(crate) fn list(&self, value: Value) -> Option<&[Value]> {
        let Value::List(row) = value else { return None };
        self.lists.get(row as usize).map(Vec::as_slice)
    }

    /// The longest list, finished or not.
    pub(crate) fn longest_list(&self) -> &[Value] {
        self.lists.iter().max_by_key(|list| list.len()).map_or(&[], Vec::as_slice)
    }

    /// The attribute of an object of the class.
    pub(crate) fn attribute(&self, object: Value, class: u8, name: &str) -> Option<Value> {
        let Value::Object(row) = object else { return None };
        let object = self.objects.get(row as usize).filter(|object| object.class == class)?;
        let Value::Dict(row) = object.state? else { return None };
        // As in a dict, the last of equal keys counts.
        let members = self.dicts.get(row as usize)?.iter().rev();
        members.into_iter().find(|(key, _)| self.text(*key) == Some(name.as_bytes())).map(|(_, value)| *value)
    }
}

//! Call frame information: how a function's caller is found, by `.eh_frame` and `.debug_frame` (DWARF 5, 6.4).

use std::cell::RefCell;
use std::rc::Rc;

use gimli::{
    BaseAddresses, CfaRule, DebugFrame, EhFrame, EhFrameHdr, EhFrameOffset, Encoding, EndianSlice,
    EvaluationResult, Expression, Format, FrameDescriptionEntry, ParsedEhFrameHdr, Pointer, RegisterRule,
    RunTimeEndian, UnwindContext, UnwindExpression, UnwindSection, Value,
};
use rustc_hash::FxHashMap;

use crate::address::Address;
use crate::native::image::Image;
use crate::native::registers::{Registers, Roles};

type Slice<'p> = EndianSlice<'p, RunTimeEndian>;

/// The call frame information of one module.
#[derive(Debug)]
pub(crate) struct CallFrames<'p> {
    endian: RunTimeEndian,
    bases: BaseAddresses,
    eh_frame: Option<EhFrame<Slice<'p>>>,
    table: Option<ParsedEhFrameHdr<Slice<'p>>>,
    /// Of the sections without a search table: begin, end and offset of each entry, by begin.
    eh_frame_index: Vec<(u64, u64, usize)>,
    debug_frame: Option<DebugFrame<Slice<'p>>>,
    debug_frame_index: Vec<(u64, u64, usize)>,
    rows: RefCell<FxHashMap<u64, Option<Rc<Row<'p>>>>>,
}

/// How the registers of the caller are found from one instruction.
#[derive(Debug)]
struct Row<'p> {
    cfa: Cfa<'p>,
    rules: Vec<(u16, Rule<'p>)>,
    encoding: Encoding,
    is_signal_frame: bool,
}

#[derive(Debug)]
enum Cfa<'p> {
    Register(u16, i64),
    Expression(Slice<'p>),
}

#[derive(Debug)]
enum Rule<'p> {
    Undefined,
    Same,
    At(i64),
    Offset(i64),
    Register(u16),
    AtExpression(Slice<'p>),
    Expression(Slice<'p>),
    Unknown,
}

/// What lies one frame further out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(crate) enum Caller {
    /// The registers that the caller had.
    Frame(Registers),
    /// The information says that nothing called this function.
    Nobody,
}

/// A step outwards.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) caller: Caller,
    /// The frame is the kernel's: the caller was interrupted, it did not call.
    pub(crate) is_signal_frame: bool,
}

/// Entries of a section without a search table that are looked at.
const MOST_ENTRIES: usize = 1 << 20;
/// Steps of one expression; those of compilers and C libraries take fewer than twenty.
const MOST_OPERATIONS: u32 = 1000;

impl<'p> CallFrames<'p> {
    /// Finds the information of a module; `eh_frame` and `debug_frame` are sections of its files with their
    /// link-time addresses.
    pub(crate) fn new(
        image: &Image<'p>,
        eh_frame_section: Option<(u64, &'p [u8])>,
        debug_frame: Option<&'p [u8]>,
    ) -> Self {
        let endian = if image.little_endian { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut frames = Self {
            endian,
            bases: BaseAddresses::default().set_text(image.text()),
            eh_frame: None,
            table: None,
            eh_frame_index: Vec::new(),
            debug_frame: debug_frame.map(|bytes| DebugFrame::new(bytes, endian)),
            debug_frame_index: Vec::new(),
            rows: RefCell::default(),
        };
        frames.find_table(image);
        if frames.table.is_none()
            && let Some((address, bytes)) = eh_frame_section
        {
            let section = EhFrame::new(bytes, endian);
            frames.bases = frames.bases.clone().set_eh_frame(address);
            frames.eh_frame_index = index(&section, &frames.bases);
            frames.eh_frame = Some(section);
        }
        if let Some(section) = &frames.debug_frame {
            frames.debug_frame_index = index(section, &frames.bases);
        }
        frames
    }

    /// Reads the search table, which also says where `.eh_frame` is.
    fn find_table(&mut self, image: &Image<'p>) -> Option<()> {
        let at = image.eh_frame_hdr()?;
        let bases = self.bases.clone().set_eh_frame_hdr(at);
        let header = EhFrameHdr::new(image.rest(at)?, self.endian).parse(&bases, 8).ok()?;
        header.table()?;
        let Pointer::Direct(eh_frame_at) = header.eh_frame_ptr() else { return None };
        self.eh_frame = Some(EhFrame::new(image.rest(eh_frame_at)?, self.endian));
        self.bases = bases.set_eh_frame(eh_frame_at);
        self.table = Some(header);
        Some(())
    }

    /// Finds the caller of the function that `at` (a link-time address) lies in; `None` where the information
    /// does not tell.
    pub(crate) fn step(
        &self,
        at: u64,
        registers: &Registers,
        read: &dyn Fn(Address) -> Option<u64>,
    ) -> Option<Step> {
        let row = self.row(at)?;
        let roles = registers.roles()?;
        let evaluate =
            |expression: Slice<'p>, start| evaluate(expression, row.encoding, start, registers, read);
        let cfa = match &row.cfa {
            Cfa::Register(register, offset) => registers.get(*register)?.wrapping_add_signed(*offset),
            Cfa::Expression(expression) => evaluate(*expression, None)?,
        };
        let mut caller = registers.clone();
        caller.frame_pointer_assumed = registers.frame_pointer_assumed;
        if !row.is_signal_frame {
            forget_scratch(&mut caller, roles);
        }
        caller.set(roles.stack_pointer, Some(cfa));
        let mut return_address = registers.get(roles.return_address);
        for (register, rule) in &row.rules {
            let value = match rule {
                Rule::Undefined if *register == roles.return_address => {
                    return Some(Step { caller: Caller::Nobody, is_signal_frame: false });
                }
                Rule::Undefined | Rule::Unknown => None,
                Rule::Same => registers.get(*register),
                Rule::At(offset) => read(Address(cfa.wrapping_add_signed(*offset))),
                Rule::Offset(offset) => Some(cfa.wrapping_add_signed(*offset)),
                Rule::Register(other) => registers.get(*other),
                Rule::AtExpression(expression) => {
                    evaluate(*expression, Some(cfa)).and_then(|at| read(Address(at)))
                }
                Rule::Expression(expression) => evaluate(*expression, Some(cfa)),
            };
            if *register == roles.return_address {
                return_address = value;
            }
            if *register == roles.frame_pointer && !matches!(rule, Rule::Same) {
                caller.frame_pointer_assumed = registers.frame_pointer_assumed && value.is_none();
            }
            caller.set(*register, value);
        }
        caller.pc = Address(return_address?);
        Some(Step { caller: Caller::Frame(caller), is_signal_frame: row.is_signal_frame })
    }

    fn row(&self, at: u64) -> Option<Rc<Row<'p>>> {
        if let Some(known) = self.rows.borrow().get(&at) {
            return known.clone();
        }
        let row = self.find_row(at).map(Rc::new);
        self.rows.borrow_mut().insert(at, row.clone());
        row
    }

    fn find_row(&self, at: u64) -> Option<Row<'p>> {
        let in_eh_frame = || {
            let section = self.eh_frame.as_ref()?;
            let offset = match self.table.as_ref().and_then(ParsedEhFrameHdr::table) {
                Some(table) => {
                    let entry = table.lookup(at, &self.bases).ok()?.direct().ok()?;
                    let Pointer::Direct(start) = self.table.as_ref()?.eh_frame_ptr() else { return None };
                    usize::try_from(entry.checked_sub(start)?).ok()?
                }
                None => indexed(&self.eh_frame_index, at)?,
            };
            let entry =
                section.fde_from_offset(&self.bases, EhFrameOffset(offset), EhFrame::cie_from_offset).ok()?;
            row(section, &self.bases, &entry, at)
        };
        let in_debug_frame = || {
            let section = self.debug_frame.as_ref()?;
            let offset = gimli::DebugFrameOffset(indexed(&self.debug_frame_index, at)?);
            let entry = section.fde_from_offset(&self.bases, offset, DebugFrame::cie_from_offset).ok()?;
            row(section, &self.bases, &entry, at)
        };
        in_eh_frame().or_else(in_debug_frame)
    }
}

/// What a called function need not give back is not known in its caller.
fn forget_scratch(registers: &mut Registers, roles: &Roles) {
    for register in 0..33 {
        if !roles.preserved.contains(&register) {
            registers.set(register, None);
        }
    }
}

fn index<'p, S>(section: &S, bases: &BaseAddresses) -> Vec<(u64, u64, usize)>
where
    S: UnwindSection<Slice<'p>>,
    S::Offset: gimli::UnwindOffset<usize>,
{
    let mut entries = section.entries(bases);
    let mut index = Vec::new();
    for _ in 0..MOST_ENTRIES {
        match entries.next() {
            Ok(Some(gimli::CieOrFde::Fde(partial))) => {
                if let Ok(entry) = partial.parse(S::cie_from_offset) {
                    let start = entry.initial_address();
                    index.push((start, start.saturating_add(entry.len()), entry.offset()));
                }
            }
            Ok(Some(gimli::CieOrFde::Cie(_))) => {}
            Ok(None) | Err(_) => break,
        }
    }
    index.sort_unstable();
    index
}

fn indexed(index: &[(u64, u64, usize)], at: u64) -> Option<usize> {
    let after = index.partition_point(|&(start, _, _)| start <= at);
    let &(_, end, offset) = index.get(after.checked_sub(1)?)?;
    (at < end).then_some(offset)
}

fn row<'p, S: UnwindSection<Slice<'p>>>(
    section: &S,
    bases: &BaseAddresses,
    entry: &FrameDescriptionEntry<Slice<'p>>,
    at: u64,
) -> Option<Row<'p>> {
    if !entry.contains(at) {
        return None;
    }
    let mut context = UnwindContext::new();
    let found = entry.unwind_info_for_address(section, bases, &mut context, at).ok()?;
    let bytes = |expression: &UnwindExpression<usize>| Some(expression.get(section).ok()?.0);
    let cfa = match found.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => Cfa::Register(register.0, *offset),
        CfaRule::Expression(expression) => Cfa::Expression(bytes(expression)?),
    };
    let rule = |rule: &RegisterRule<usize>| {
        Some(match rule {
            RegisterRule::Undefined => Rule::Undefined,
            RegisterRule::SameValue => Rule::Same,
            RegisterRule::Offset(offset) => Rule::At(*offset),
            RegisterRule::ValOffset(offset) => Rule::Offset(*offset),
            RegisterRule::Register(register) => Rule::Register(register.0),
            RegisterRule::Expression(expression) => Rule::AtExpression(bytes(expression)?),
            RegisterRule::ValExpression(expression) => Rule::Expression(bytes(expression)?),
            RegisterRule::Architectural | RegisterRule::Constant(_) => Rule::Unknown,
        })
    };
    let rules =
        found.registers().map(|(register, found)| Some((register.0, rule(found)?))).collect::<Option<_>>()?;
    Some(Row { cfa, rules, encoding: entry.cie().encoding(), is_signal_frame: entry.is_signal_trampoline() })
}

/// Evaluates a DWARF expression over registers and the stack.
fn evaluate(
    expression: Slice<'_>,
    encoding: Encoding,
    start: Option<u64>,
    registers: &Registers,
    read: &dyn Fn(Address) -> Option<u64>,
) -> Option<u64> {
    let encoding = Encoding { address_size: 8, format: Format::Dwarf32, ..encoding };
    let mut evaluation = Expression(expression).evaluation(encoding);
    evaluation.set_max_iterations(MOST_OPERATIONS);
    if let Some(start) = start {
        evaluation.set_initial_value(start);
    }
    let mut state = evaluation.evaluate().ok()?;
    loop {
        state = match state {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresRegister { register, .. } => {
                evaluation.resume_with_register(Value::Generic(registers.get(register.0)?)).ok()?
            }
            EvaluationResult::RequiresMemory { address, size, .. } => {
                let mask = if size >= 8 { u64::MAX } else { (1 << (u32::from(size) * 8)) - 1 };
                evaluation.resume_with_memory(Value::Generic(read(Address(address))? & mask)).ok()?
            }
            EvaluationResult::RequiresCallFrameCfa => evaluation.resume_with_call_frame_cfa(start?).ok()?,
            _ => return None,
        };
    }
    let pieces = evaluation.result();
    match pieces.first()?.location {
        gimli::Location::Address { address } => Some(address),
        gimli::Location::Value { value: Value::Generic(value) } => Some(value),
        gimli::Location::Register { register } => registers.get(register.0),
        _ => None,
    }
}

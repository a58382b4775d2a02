//! Functions of a module by address, from its symbol tables.

use crate::native::demangle::demangle;
use crate::native::modules::NativeModule;

/// The functions of a module.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable<'p> {
    /// By address; of several at one address the best name stands last.
    symbols: Vec<Symbol<'p>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Symbol<'p> {
    start: u64,
    rank: Rank,
    len: u64,
    name: &'p [u8],
}

/// How good a name is: of a function with a size, and of one that other modules may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_size: bool,
    is_global: bool,
    /// `read` before `__read`.
    plain: bool,
}

/// A function of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name, demangled, without the marks of parts that the compiler split off.
    pub(crate) name: String,
    /// Link-time address of its first instruction.
    pub(crate) start: u64,
}

/// `Elf64_Sym` (elf(5)).
const ENTRY_BYTES: usize = 24;
const MOST_SYMBOLS: usize = 1 << 22;
/// Longest name that is read; longer ones come from templates and say little.
const MOST_NAME: usize = 1 << 14;
/// Assembler code has symbols without a size; they are trusted this far.
const UNSIZED_REACH: u64 = 64;
/// A label within a function hides it; this many are looked past.
const MOST_LABELS: usize = 16;

impl<'p> SymbolTable<'p> {
    /// Reads the tables of a module's files, or the dynamic one that the core holds.
    pub(crate) fn of(module: &NativeModule<'p>) -> Self {
        let mut symbols = Vec::new();
        let mut any_file = false;
        for binary in module.binaries() {
            any_file = true;
            for (table, strings) in binary.symbol_tables() {
                collect(&mut symbols, table, strings, binary.target().little_endian);
            }
        }
        if !any_file {
            dynamic(&mut symbols, module);
        }
        symbols.sort_unstable();
        symbols.dedup();
        Self { symbols }
    }

    /// The function that a link-time address lies in.
    pub(crate) fn function_at(&self, at: u64) -> Option<Function> {
        let after = self.symbols.partition_point(|symbol| symbol.start <= at);
        let before = self.symbols.get(..after)?;
        let nearest = before.last()?;
        let covers = |symbol: &&Symbol<'_>| at - symbol.start < symbol.len;
        let unsized_here = |symbol: &&Symbol<'_>| symbol.len == 0 && at - symbol.start < UNSIZED_REACH;
        let found = before
            .iter()
            .rev()
            .take(MOST_LABELS)
            .find(covers)
            .or_else(|| Some(nearest).filter(unsized_here))?;
        let name = String::from_utf8_lossy(found.name);
        Some(Function { name: demangle(&name), start: found.start })
    }
}

/// Function symbols of one table.
fn collect<'p>(symbols: &mut Vec<Symbol<'p>>, table: &[u8], strings: &'p [u8], little_endian: bool) {
    const STT_NOTYPE: u8 = 0;
    const STT_FUNC: u8 = 2;
    const STT_GNU_IFUNC: u8 = 10;
    const STB_GLOBAL: u8 = 1;
    let target = crate::memory::Target { little_endian, word_size: 8 };
    for entry in table.chunks_exact(ENTRY_BYTES).take(MOST_SYMBOLS) {
        let number = |at: usize, len| Some(target.unsigned(entry.get(at..at + len)?));
        let (Some(name), Some(info), Some(section), Some(start), Some(len)) =
            (number(0, 4), number(4, 1), number(6, 2), number(8, 8), number(16, 8))
        else {
            continue;
        };
        let kind = info as u8 & 0xf;
        if section == 0 || start == 0 || !matches!(kind, STT_NOTYPE | STT_FUNC | STT_GNU_IFUNC) {
            continue;
        }
        let Some(name) = string_at(strings, name as usize) else { continue };
        // `$x` and `$d` mark code and data for Arm; they name nothing.
        if name.is_empty() || name.first() == Some(&b'$') {
            continue;
        }
        let rank = Rank {
            has_size: len > 0,
            is_global: info as u8 >> 4 == STB_GLOBAL,
            plain: name.first() != Some(&b'_'),
        };
        symbols.push(Symbol { start, rank, len, name });
    }
}

fn string_at(strings: &[u8], at: usize) -> Option<&[u8]> {
    let rest = strings.get(at..)?;
    let rest = rest.get(..rest.len().min(MOST_NAME))?;
    rest.get(..memchr::memchr(0, rest)?)
}

/// The table that the loader uses (`PT_DYNAMIC`), where its pages were dumped. The loader has put run-time
/// addresses into the section's entries; the vDSO keeps link-time ones.
fn dynamic<'p>(symbols: &mut Vec<Symbol<'p>>, module: &NativeModule<'p>) -> Option<()> {
    const DT_NULL: u64 = 0;
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    const DT_STRSZ: u64 = 10;
    let (image, bias) = (module.image()?, module.bias?);
    let target = crate::memory::Target { little_endian: image.little_endian, word_size: 8 };
    let (mut table, mut strings, mut strings_len) = (None, None, None);
    let mut words = target.words(image.rest(image.dynamic()?)?).take(512);
    while let (Some(tag), Some(value)) = (words.next(), words.next()) {
        match tag {
            DT_NULL => break,
            DT_SYMTAB => table = Some(value),
            DT_STRTAB => strings = Some(value),
            DT_STRSZ => strings_len = usize::try_from(value).ok(),
            _ => {}
        }
    }
    let link_time = |address: u64| if address >= bias.0 { address - bias.0 } else { address };
    let (table, strings) = (link_time(table?), link_time(strings?));
    // Linkers put the strings right behind the symbols; nothing else states how many there are.
    let len = usize::try_from(strings.checked_sub(table)?).ok()?;
    let text = image.rest(strings)?;
    let text = text.get(..text.len().min(strings_len?))?;
    collect(symbols, image.rest(table)?.get(..len)?, text, image.little_endian);
    Some(())
}

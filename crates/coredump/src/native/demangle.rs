//! Names of C++ and Rust functions as their programmers wrote them.

use cpp_demangle::{DemangleOptions, Symbol};

/// Longest demangled name; a short mangled one can stand for megabytes.
const MOST_BYTES: usize = 4096;
/// Longest mangled name that is tried.
const MOST_MANGLED: usize = 1 << 14;

/// The name without what compiler and linker put on it.
///
/// `foo.cold`, `foo.part.0` and `foo.constprop.0` are pieces or copies of `foo`, and `foo@@VERSION` is `foo`.
pub(crate) fn demangle(name: &str) -> String {
    let plain = name.split_once('@').map_or(name, |(plain, _)| plain);
    let plain = without_part(if plain.is_empty() { name } else { plain });
    if plain.len() > MOST_MANGLED {
        return plain.to_owned();
    }
    rust(plain).or_else(|| cpp(plain)).unwrap_or_else(|| plain.to_owned())
}

/// Marks of compilers: GCC's parts, copies and outlined code, LLVM's promoted names.
const PARTS: [&str; 7] = [".cold", ".part", ".constprop", ".isra", ".lto_priv", ".llvm", ".warm"];

fn without_part(name: &str) -> &str {
    let first = PARTS.iter().filter_map(|part| {
        let at = name.find(part)?;
        // `.cold` must end there, or a number must follow.
        let rest = name.get(at + part.len()..)?;
        (at > 0 && (rest.is_empty() || rest.starts_with('.'))).then_some(at)
    });
    first.min().and_then(|at| name.get(..at)).unwrap_or(name)
}

fn rust(name: &str) -> Option<String> {
    // The older scheme looks like C++'s, with a hash at its end.
    let legacy = name.starts_with("_ZN") && name.contains("17h");
    if !legacy && !name.starts_with("_R") {
        return None;
    }
    let demangled = rustc_demangle::try_demangle(name).ok()?;
    let mut out = Bounded { text: String::new() };
    std::fmt::write(&mut out, format_args!("{demangled:#}")).ok()?;
    Some(out.text)
}

fn cpp(name: &str) -> Option<String> {
    if !name.starts_with("_Z") {
        return None;
    }
    let symbol = Symbol::new(name).ok()?;
    let mut out = Bounded { text: String::new() };
    symbol.structured_demangle(&mut out, &DemangleOptions::default()).ok()?;
    Some(out.text)
}

/// Text that refuses to grow without end.
struct Bounded {
    text: String,
}

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        if self.text.len() + piece.len() > MOST_BYTES {
            return Err(std::fmt::Error);
        }
        self.text.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn names() {
        let cases = [
            ("_PyEval_EvalFrameDefault", "_PyEval_EvalFrameDefault"),
            ("_PyEval_EvalFrameDefault.cold", "_PyEval_EvalFrameDefault"),
            ("list_sort_impl.constprop.0", "list_sort_impl"),
            ("gc_collect_main.part.0.isra.0", "gc_collect_main"),
            ("qsort@@GLIBC_2.2.5", "qsort"),
            (".coldstart", ".coldstart"),
            ("a.coldly", "a.coldly"),
            ("_ZN4shop6LedgerC2Ei.cold", "shop::Ledger::Ledger(int)"),
            ("_ZN3std9panicking11begin_panic17h0123456789abcdefE", "std::panicking::begin_panic"),
            ("_RNvC6_123foo3bar", "123foo::bar"),
            ("_Znonsense", "_Znonsense"),
        ];
        for (name, expected) in cases {
            assert_eq!(demangle(name), expected, "{name}");
        }
    }
}

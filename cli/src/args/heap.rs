//! The command about a heap.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Binaries, MemoryArg, ValueLimits, size};

/// The forms of what a heap says; each view has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeapFormat {
    Text,
    Json,
    Jsonl,
    Heapsnapshot,
    Parquet,
    Dot,
    Svg,
}

/// Show what a core's heap holds: types, what keeps the most alive, and what looks like a leak
///
/// Sizes are those of `sys.getsizeof`; what an object keeps alive is what would go if it went.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pycoroner heap core.412
  pycoroner heap core.412 types
  pycoroner heap core.412 owners --format json
  pycoroner heap core.412 object 'shop.cache.STORE[\"sessions\"]' 0x7f3a5c0e1d40
  pycoroner heap core.412 path \"<thread 'MainThread'>.<frame main>.rows[-1]\"
  pycoroner heap core.412 referrers shop.models.Registry.instances
  pycoroner heap core.412 growth core.387
  pycoroner heap core.412 objects --where 'type=dict,list size>1M under=shop.cache'
  pycoroner heap core.412 export -o core.412.heapsnapshot      for the Memory panel of Chrome DevTools, or memlab
  pycoroner heap core.412 path shop.cache._SESSIONS -o sessions.svg      a picture; object draws what is around it
  pycoroner heap core.412 export -o core.412.parquet           a folder with objects, edges and types, for DuckDB or pandas

EXPR is an address, or a path as all views print it: a module's name, then .attribute, [key], and what has no name in
Python in angle brackets.

FILTER has terms with spaces between them, all of which must hold:
  type=NAME,NAME   module=NAME   != for none of them; `*` in a name stands for anything
  size>1M  retained>=10K  kept>100  refs=1  length<9  id=41  address=0x7f3a5c0e1d40   K, M, G, T; = != < <= > >=
  generation=0     by age, as gc.get_objects(generation=N) numbers it: 0 is the youngest, 3 what gc.freeze put apart
  under=EXPR       the shortest path to it goes through EXPR, or begins so
  kept-by=EXPR     it would go if EXPR went
  alive  native  unreachable   something keeps it alive; native code does; it is garbage in a cycle")]
pub(crate) struct HeapArgs {
    /// The core file, plain or compressed with zstd, lz4, xz, bzip2 or gzip
    #[arg(value_name = "CORE")]
    pub(crate) core: PathBuf,
    /// What to show
    #[arg(value_enum, default_value = "summary")]
    pub(crate) view: HeapView,
    /// With object, path, referrers, referents: the objects, by address or path; with growth: older cores
    #[arg(value_name = "EXPR|OLD")]
    pub(crate) expressions: Vec<String>,
    #[command(flatten)]
    pub(crate) values: ValueLimits,
    /// With path: print at most N paths to one object
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) max_paths: usize,
    /// With object: do not read the whole heap to say what it keeps alive and which path leads to it
    #[arg(long)]
    pub(crate) no_retained: bool,
    /// With export: heapsnapshot, parquet (three files in a folder) or jsonl; with objects also jsonl; with object and
    /// path also dot and svg; else text or JSON. When omitted, by the ending of the output file, else text
    #[arg(long, value_name = "text|json|jsonl|heapsnapshot|parquet|dot|svg", hide_possible_values = true)]
    pub(crate) format: Option<HeapFormat>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) folding: Folding,
    #[command(flatten)]
    pub(crate) binaries: Binaries,
    #[command(flatten)]
    pub(crate) memory: MemoryArg,
}

/// Which objects are listed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Choice {
    /// With objects: list those that FILTER asks for, all of whose terms must hold
    #[arg(long = "where", value_name = "FILTER", default_value = "", hide_default_value = true)]
    pub(crate) filter: String,
    /// With objects: list the first N; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// With objects: what comes first, the largest: what it keeps alive, its own size, how many objects it keeps, its
    /// references
    #[arg(
        long,
        value_name = "retained|size|kept|refs",
        default_value = "retained",
        hide_possible_values = true
    )]
    pub(crate) sort: SortKey,
}

/// What objects are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    Retained,
    Size,
    Kept,
    Refs,
}

/// How much a heap snapshot holds.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Folding {
    /// With export to heapsnapshot: show at most N objects by themselves, those that keep most alive; others count
    /// with what keeps them alive
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) max_objects: usize,
    /// With export to heapsnapshot: fold objects that keep less than SIZE alive, instead of what --max-objects asks for
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) fold_below: Option<u64>,
}

/// The views of the heap's text output; JSON always holds all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeapView {
    /// Totals, and the first rows of everything
    Summary,
    /// All types by size
    Types,
    /// What looks like a leak, and why
    Suspects,
    /// What keeps the most alive, by path
    Owners,
    /// Generators, coroutines and tasks that were never finished, by function
    Suspended,
    /// Exceptions that keep the frames of functions alive that have ended
    Exceptions,
    /// What the cyclic garbage collector would find, and references that are counted and not found
    Garbage,
    /// Equal strings, and containers that have room for more than they hold
    Waste,
    /// The largest objects and buffers
    Largest,
    /// What the objects are that EXPR... name, and what they keep alive
    Object,
    /// The shortest paths to them, each from another root
    Path,
    /// What refers to them
    Referrers,
    /// What they refer to
    Referents,
    /// What changed since older cores of the same service: EXPR... are these, the oldest first
    Growth,
    /// The objects that --where asks for
    Objects,
    /// The whole heap for other tools; see --format
    Export,
}

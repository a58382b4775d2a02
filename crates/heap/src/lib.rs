//! Object graph, retained sizes and leak suspects of a CPython core file.
//!
//! [`analyze`] finds every object of a dead process: small ones in the blocks of pymalloc or mimalloc and large
//! ones in the chunks of glibc's malloc, all told by the shape of the allocators' own records; static ones by
//! reference, or as neighbours in the collector's lists. It reads their sizes as `sys.getsizeof` states them and
//! their references, computes what each retains (semi-NCA dominators on flat arrays), and answers in a
//! [`HeapDocument`]: types, owners by path, leak suspects, garbage in cycles, and a ledger of the dumped bytes.
//!
//! The caller provides a [`PythonRuntime`](pycoroner_coredump::PythonRuntime), and a bound on memory if the
//! default does not suit. This crate opens no file, prints nothing, and does not redact: keys in paths are as
//! they are in the core. Objects that only native code holds are told as such, not guessed at.
//!
//! The graph algorithms stand alone:
//!
//! ```
//! use pycoroner_heap::{Dominator, Dominators, Graph, Retained};
//!
//! // 0 -> 1 -> 3 and 0 -> 2 -> 3: only 0 keeps 3 alive.
//! let graph: Graph = [vec![1, 2], vec![3], vec![3], vec![]].into_iter().collect();
//! let dominators = Dominators::compute(&graph, &[0]);
//! assert_eq!(dominators.immediate(3), Dominator::Node(0));
//! assert_eq!(Retained::sum(&dominators, |_| 100).bytes(0), 400);
//! ```

mod allocators;
mod analysis;
mod answers;
mod document;
mod exports;
mod expression;
mod findings;
mod gaps;
mod graph;
mod growth;
mod heap;
mod inquiry;
mod memory;
mod naming;
mod objects;
mod quantity;
mod references;
mod survey;

pub use analysis::{Analysis, Failure, Options, Phase, analyze};
pub use answers::newcomers::ObjectSet;
pub use document::{
    Accumulates, AttributeRow, Buffer, Collector, Container, Containers, DescriptorKind, Duplicate,
    Duplicates, Excess, Generation, HeapDocument, Holder, InquiryDocument, KeptFrames, LargeObject,
    LedgerRow, ObjectRow, OpenDescriptors, Owner, Place, ReferenceRow, ReferencesRow, Route, RoutesRow,
    SCHEMA, Suspect, SuspendedKind, SuspendedRow, SuspendedState, Totals, TypeRow, Unowned, Unreachable,
    Unresolved,
};
pub use exports::filter::{Filter, FilterError, State};
pub use exports::matches::{MatchRow, MatchesDocument, Order};
pub use exports::picture::Picture;
pub use exports::snapshot::{SnapshotOptions, SnapshotTotals};
pub use exports::{Export, Mask};
pub use expression::error::ExpressionError;
pub use graph::dominators::{Dominator, Dominators};
pub use graph::node_set::NodeSet;
pub use graph::retained::Retained;
pub use graph::{Graph, Node, TooLarge};
pub use growth::{GrowthDocument, NewObjects, Newcomers, OwnerGrowth, TypeGrowth, growth, growth_series};
pub use inquiry::{Inquiry, InquiryOptions, Question};
pub use naming::edge::Kind;

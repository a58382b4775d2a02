//! Reads the logs of Python services: tracebacks, fatal errors, events, and what is new around a death.
//!
//! [`scan`] takes readers and gives a [`Scan`]: sources, counts by level, tracebacks as data, typed facts, message
//! templates, the warnings of the crash window, and [`Gap`](pycoroner_findings::Gap)s for what could not be read.
//! Formats are found by themselves, line by line. Everything carries its source, lines and bytes. [`Records`] gives the
//! records themselves, one by one, each with its tracebacks.
//!
//! The caller provides the bytes, decompressed (gzip, zstd and the like are the caller's), the time of the file's
//! last change where it is known, and the zone that times without a zone are in. The crate opens no file, prints
//! nothing, reads no environment, and masks no secrets: what it gives is raw evidence.
//!
//! Each input is read once, in small blocks; memory is bounded whatever the input is. Of a large file in order only
//! what is around the window is read, when there is one: [`PartialReading`].
//!
//! ```
//! use pycoroner_findings::SourceId;
//! use pycoroner_logscan::{Input, Options, scan};
//!
//! let log = b"2024-05-01 12:00:00,123 ERROR shop.orders: charge failed
//! Traceback (most recent call last):
//!   File \"/srv/shop/app.py\", line 34, in charge
//!     raise KeyError(order)
//! KeyError: 7
//! ";
//! let mut reader = log.as_slice();
//! let input = Input::new(SourceId(1), "app.log", &mut reader);
//! let scan = scan([input], &Options::default());
//!
//! let traceback = &scan.tracebacks[0];
//! assert_eq!(traceback.type_name.as_deref(), Some("KeyError"));
//! assert_eq!(traceback.message, "7");
//! assert_eq!(traceback.frames[0].function.as_deref(), Some("charge"));
//! assert_eq!(traceback.log_message.as_deref(), Some("charge failed"));
//! assert_eq!(scan.timeline()[0].citation.as_ref().unwrap().to_string(), "[E1:L2-L5]");
//! ```
#![warn(clippy::indexing_slicing)]

mod analysis;
mod ascii;
mod backwards;
mod before;
mod changes;
mod clock;
mod collector;
mod dead_process;
mod document;
mod dump;
mod embedded;
mod envelope;
mod events;
mod exception_line;
mod explanation;
mod findings;
mod fingerprint;
mod format;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod input;
mod json;
mod json_layout;
mod json_record;
mod keyed;
mod level;
mod level_times;
mod line_time;
mod lines;
mod needles;
mod part;
mod pipeline;
mod prefix;
mod rates;
mod records;
mod requests;
mod scan;
mod scanner;
mod separation;
mod sniff;
mod stated_time;
mod stream;
mod syslog;
mod tally;
mod template;
mod traceback;
mod window;
mod workers;

pub use changes::{Change, LevelBucket, LevelsOverTime, RateTest, Rounded, Silence};
pub use clock::Zone;
pub use dead_process::DeadProcess;
pub use document::{
    Document, Introduction, LogEvent, LogRecord, LogSource, Place, Relation, Rules, SCHEMA, Template,
    Traceback, TracebackKind, WindowSummary,
};
pub use explanation::{Explanation, FormatUse, LineOrder, LineUses, Skew, TimeUse, Unparsed, Why};
pub use format::FormatName;
pub use frame::Frame;
pub use input::{Input, ReadSeek, Reader};
pub use level::Level;
pub use part::{LogPart, PartialReading};
pub use rates::Direction;
pub use records::{ReadError, Record, Records, Text};
pub use requests::{RequestEnd, RequestRecord, RequestState, RequestThread, Requests, UnfinishedRule};
pub use scan::{Options, Scan, scan};
pub use separation::{
    DeathComparison, LastRecordsOfDead, SeparatedBy, Separation, SeparationTest, Separations,
};
pub use sniff::{looks_like_log, starts_with_json};
pub use window::{Anchor, CrashedThread, Window};
pub use workers::{Worker, WorkerEnd};

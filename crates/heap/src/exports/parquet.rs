//! Objects, references and types as Parquet tables, for `DuckDB`, pandas, Polars and the like.
//!
//! Written by column with the low-level writers of the `parquet` crate (the format: apache/parquet-format at
//! apache-parquet-format-2.11.0), `LZ4_RAW` inside of pages, a row group at a time: so much is in memory. The tables join
//! by `id` (`from_id`, `to_id`, `kept_by`) and `type_id`. Values of objects are in none of them.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use rustc_hash::FxHashMap;

use crate::answers::types::retained_together;
use crate::exports::edges::{Edges, Label};
use crate::exports::filter::State;
use crate::exports::snapshot::id;
use crate::exports::{Export, Mask};
use crate::graph::Node;
use crate::graph::dominators::Dominator;
use crate::naming::edge::Kind;

/// Rows of a row group.
const GROUP: usize = 1 << 19;
/// Masked names that are remembered at a time.
const NAMES: usize = 1 << 20;

const OBJECTS: &str = "message objects {
    required int64 id (INTEGER(64, false));
    required int64 address (INTEGER(64, false));
    required int32 type_id (INTEGER(32, false));
    required binary type (STRING);
    required binary state (STRING);
    optional int64 shallow_bytes (INTEGER(64, false));
    required int64 retained_bytes (INTEGER(64, false));
    required int64 retained_objects (INTEGER(64, false));
    required int64 reference_count (INTEGER(64, false));
    optional int64 kept_by (INTEGER(64, false));
}";

const EDGES: &str = "message edges {
    required int64 from_id (INTEGER(64, false));
    required int64 to_id (INTEGER(64, false));
    required binary kind (STRING);
    optional binary name (STRING);
    optional int64 index (INTEGER(64, false));
}";

const TYPES: &str = "message types {
    required int32 type_id (INTEGER(32, false));
    required binary type (STRING);
    required binary module (STRING);
    required int64 address (INTEGER(64, false));
    required boolean is_made_at_run_time;
    required int64 count (INTEGER(64, false));
    required int64 shallow_bytes (INTEGER(64, false));
    required int64 retained_bytes (INTEGER(64, false));
}";

type Table<'w> = SerializedFileWriter<&'w mut (dyn Write + Send)>;

impl Export<'_, '_> {
    /// Writes the table of all objects: where they are, what they take and keep, and which object keeps each (`kept_by`,
    /// its immediate dominator).
    ///
    /// # Errors
    /// What `to` says.
    pub fn parquet_objects(&self, to: &mut (dyn Write + Send), mask: Mask<'_>) -> io::Result<()> {
        let survey = &self.survey;
        let (heap, objects) = (&survey.heap, &survey.heap.objects);
        let mut table = table(OBJECTS, &["id", "address"], to)?;
        let native = self.native();
        let mut names: Vec<Option<ByteArray>> = vec![None; heap.types.len()];
        for start in (0..objects.len()).step_by(GROUP) {
            let nodes = || start as Node..(start + GROUP).min(objects.len()) as Node;
            let signed = |number: u64| number.cast_signed();
            let mut group = table.next_row_group().map_err(io)?;
            column::<Int64Type>(&mut group, nodes().map(|node| signed(id(node))))?;
            column::<Int64Type>(&mut group, nodes().map(|node| signed(objects.address(node))))?;
            column::<Int32Type>(&mut group, nodes().map(|node| objects.type_id(node).cast_signed()))?;
            let type_name = |node: Node| {
                let type_id = objects.type_id(node);
                let known = names.get_mut(type_id as usize);
                let name =
                    known.map(|name| name.get_or_insert_with(|| text(&mask(&heap.types.name(type_id)))));
                name.cloned().unwrap_or_default()
            };
            column::<ByteArrayType>(&mut group, nodes().map(type_name))?;
            let states = [State::Alive, State::Native, State::Unreachable].map(|state| text(state.name()));
            let state = |node: Node| states[self.state(&native, node) as usize].clone();
            column::<ByteArrayType>(&mut group, nodes().map(state))?;
            let whole = |node: Node| objects.whole_size(node).map(signed);
            optional_column::<Int64Type>(&mut group, nodes().map(whole))?;
            column::<Int64Type>(&mut group, nodes().map(|node| signed(survey.retained.bytes(node))))?;
            column::<Int64Type>(&mut group, nodes().map(|node| i64::from(survey.retained.count(node))))?;
            column::<Int64Type>(&mut group, nodes().map(|node| signed(heap.refcount(node))))?;
            let keeper = |node: Node| match survey.dominators.immediate(node) {
                Dominator::Node(keeper) => Some(signed(id(keeper))),
                Dominator::Root | Dominator::Unreached => None,
            };
            optional_column::<Int64Type>(&mut group, nodes().map(keeper))?;
            group.close().map_err(io)?;
        }
        table.close().map_err(io)?;
        Ok(())
    }

    /// Writes the table of all references, each with its kind, and its name or index.
    ///
    /// # Errors
    /// What `to` says.
    pub fn parquet_edges(&self, to: &mut (dyn Write + Send), mask: Mask<'_>) -> io::Result<()> {
        let heap = &self.survey.heap;
        let mut table = table(EDGES, &["from_id"], to)?;
        let mut rows = EdgeRows::default();
        let mut names: FxHashMap<String, ByteArray> = FxHashMap::default();
        let mut edges = Edges::new(heap);
        for node in 0..heap.objects.len() as Node {
            edges.named(
                node,
                |_| true,
                |target, kind, label| {
                    let (name, index) = match label {
                        Label::Index(index) => (None, Some(index.cast_signed())),
                        Label::Text(name) => (Some(name), None),
                    };
                    let name = name.map(|name| {
                        if names.len() >= NAMES {
                            names.clear();
                        }
                        names.entry(name).or_insert_with_key(|name| text(&mask(name))).clone()
                    });
                    rows.push(node, target, kind, name, index);
                    if rows.from.len() == GROUP { rows.write(&mut table) } else { Ok(()) }
                },
            )?;
        }
        rows.write(&mut table)?;
        table.close().map_err(io)?;
        Ok(())
    }

    /// Writes the table of all types that have objects.
    ///
    /// # Errors
    /// What `to` says.
    pub fn parquet_types(&self, to: &mut (dyn Write + Send), mask: Mask<'_>) -> io::Result<()> {
        let survey = &self.survey;
        let heap = &survey.heap;
        let mut totals = vec![(0u64, 0u64); heap.types.len()];
        for node in 0..heap.objects.len() as Node {
            let (count, bytes) = &mut totals[heap.objects.type_id(node) as usize];
            (*count, *bytes) = (*count + 1, bytes.saturating_add(heap.objects.size(node)));
        }
        let label = |node: Node| Some(heap.objects.type_id(node));
        let retained = retained_together(&survey.dominators, &survey.retained, totals.len(), label);
        let ids = || (0..totals.len() as u32).filter(|&type_id| totals[type_id as usize].0 > 0);
        let mut table = table(TYPES, &[], to)?;
        let mut group = table.next_row_group().map_err(io)?;
        column::<Int32Type>(&mut group, ids().map(u32::cast_signed))?;
        column::<ByteArrayType>(&mut group, ids().map(|type_id| text(&mask(&heap.types.name(type_id)))))?;
        column::<ByteArrayType>(&mut group, ids().map(|type_id| text(&mask(&self.module_of(type_id)))))?;
        column::<Int64Type>(
            &mut group,
            ids().map(|type_id| heap.types.facts(type_id).address.cast_signed()),
        )?;
        column::<BoolType>(&mut group, ids().map(|type_id| heap.types.facts(type_id).is_heap_type()))?;
        column::<Int64Type>(&mut group, ids().map(|type_id| totals[type_id as usize].0.cast_signed()))?;
        column::<Int64Type>(&mut group, ids().map(|type_id| totals[type_id as usize].1.cast_signed()))?;
        column::<Int64Type>(&mut group, ids().map(|type_id| retained[type_id as usize].cast_signed()))?;
        group.close().map_err(io)?;
        table.close().map_err(io)?;
        Ok(())
    }
}

/// References on their way to a row group.
#[derive(Default)]
struct EdgeRows {
    from: Vec<i64>,
    to: Vec<i64>,
    kinds: Vec<Kind>,
    names: Vec<Option<ByteArray>>,
    indexes: Vec<Option<i64>>,
}

impl EdgeRows {
    fn push(&mut self, from: Node, to: Node, kind: Kind, name: Option<ByteArray>, index: Option<i64>) {
        self.from.push(id(from).cast_signed());
        self.to.push(id(to).cast_signed());
        self.kinds.push(kind);
        self.names.push(name);
        self.indexes.push(index);
    }

    fn write(&mut self, table: &mut Table<'_>) -> io::Result<()> {
        let Self { from, to, kinds, names, indexes } = std::mem::take(self);
        let mut group = table.next_row_group().map_err(io)?;
        column::<Int64Type>(&mut group, from.into_iter())?;
        column::<Int64Type>(&mut group, to.into_iter())?;
        column::<ByteArrayType>(&mut group, kinds.into_iter().map(|kind| ByteArray::from(kind.name())))?;
        optional_column::<ByteArrayType>(&mut group, names.into_iter())?;
        optional_column::<Int64Type>(&mut group, indexes.into_iter())?;
        group.close().map_err(io)?;
        Ok(())
    }
}

/// Begins a table; `rising` are the columns whose numbers rise or nearly so.
fn table<'w>(schema: &str, rising: &[&str], to: &'w mut (dyn Write + Send)) -> io::Result<Table<'w>> {
    let schema = Arc::new(parse_message_type(schema).map_err(io)?);
    let mut properties = WriterProperties::builder()
        .set_created_by("pycoroner".to_owned())
        .set_compression(Compression::LZ4_RAW);
    for &name in rising {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    SerializedFileWriter::new(to, schema, Arc::new(properties.build())).map_err(io)
}

type Group<'g, 'w> = SerializedRowGroupWriter<'g, &'w mut (dyn Write + Send)>;

fn column<T: DataType>(group: &mut Group<'_, '_>, values: impl Iterator<Item = T::T>) -> io::Result<()> {
    let values: Vec<T::T> = values.collect();
    write_column::<T>(group, &values, None)
}

/// Writes a column some of whose values may be missing.
fn optional_column<T: DataType>(
    group: &mut Group<'_, '_>,
    values: impl Iterator<Item = Option<T::T>>,
) -> io::Result<()> {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    write_column::<T>(group, &there, Some(&levels))
}

fn write_column<T: DataType>(
    group: &mut Group<'_, '_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> io::Result<()> {
    let Some(mut column) = group.next_column().map_err(io)? else {
        return Err(io::Error::other("more columns are written than the schema has"));
    };
    column.typed::<T>().write_batch(values, levels, None).map_err(io)?;
    column.close().map_err(io)
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

/// What the writer below says, as it said it.
fn io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

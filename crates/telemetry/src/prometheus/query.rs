use std::borrow::Cow;
use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind, SourceId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{MOST_SERIES, alert_series, sample, series};
use crate::document::{Export, Series, Telemetry};
use crate::documents::{Document, Documents};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::time::epoch_seconds;

/// Whether a file is the answer to a query: of a range (`matrix`) or of an instant (`vector`).
pub(crate) fn is_query(head: &Head<'_>) -> bool {
    matches!(head.outline.scalar("data/resultType"), Some("matrix" | "vector"))
}

/// The [answer](https://prometheus.io/docs/prometheus/3.0/querying/api/#expression-query-result-formats), as far as
/// it is parsed at once: series are parsed one by one, so that one that is broken harms no other.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default, borrow)]
    values: Vec<(f64, Cow<'a, str>)>,
    #[serde(default, borrow)]
    value: Option<(f64, Cow<'a, str>)>,
}

/// Reads series.
pub(crate) fn read_query(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut reader = Reader::default();
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        reader.answer(&document, &mut telemetry);
    }
    telemetry.gaps.extend(documents.into_gap());
    if reader.not_numbers > 0 {
        let what = format!("{} samples", reader.not_numbers);
        telemetry.gaps.push(Gap::new(
            GapKind::Unknown,
            what,
            "they are NaN or infinite, or have no valid time",
        ));
    }
    if reader.left_out > 0 {
        let what = format!("{} more series", reader.left_out);
        telemetry.gaps.push(Gap::new(GapKind::Limit, what, format!("{MOST_SERIES} are read of one export")));
    }
    telemetry.events.extend(alert_series::events(&telemetry.series));
    let export = Export::of_series(source, ExportFormat::PrometheusQuery, reader.samples, &telemetry.series);
    telemetry.exports.push(export);
    telemetry
}

#[derive(Default)]
struct Reader {
    samples: usize,
    not_numbers: usize,
    left_out: usize,
}

impl Reader {
    fn answer(&mut self, document: &Document<'_>, telemetry: &mut Telemetry) {
        let answer: Answer = match serde_json::from_str(document.text.get()) {
            Ok(answer) => answer,
            Err(error) => {
                let gap = Gap::new(GapKind::Corrupt, "the series of an answer", error.to_string());
                telemetry.gaps.push(gap.at(document.place.cite("")));
                return;
            }
        };
        for warning in answer.warnings.into_iter().take(10) {
            telemetry.gaps.push(Gap::new(GapKind::Missing, "a part of an answer of Prometheus", warning));
        }
        for (index, row) in answer.data.result.iter().enumerate() {
            if telemetry.series.len() >= MOST_SERIES {
                self.left_out += 1;
                continue;
            }
            let pointer = format!("/data/result/{index}");
            match serde_json::from_str(row.get()) {
                Ok(row) => telemetry.series.push(self.row(row, &pointer, document)),
                Err(error) => {
                    let gap = Gap::new(GapKind::Corrupt, "a series", error.to_string());
                    telemetry.gaps.push(gap.at(document.place.cite(pointer)));
                }
            }
        }
    }

    fn row(&mut self, row: Row<'_>, pointer: &str, document: &Document<'_>) -> Series {
        let total = row.values.len() + usize::from(row.value.is_some());
        self.samples += total;
        let is_instant = row.value.is_some();
        let samples = row.values.into_iter().chain(row.value);
        let points: Vec<_> =
            samples.filter_map(|(seconds, text)| Some((epoch_seconds(seconds)?, sample(&text)?))).collect();
        self.not_numbers += total - points.len();
        let is_in_order = points.is_sorted_by_key(|(time, _)| *time);
        // Only where every sample became a point does a point's number lead back to its sample.
        let place = match (is_instant, points.len() == total && is_in_order) {
            (true, _) => format!("{pointer}/value"),
            (false, true) => format!("{pointer}/values"),
            (false, false) => pointer.to_owned(),
        };
        let mut series = series(row.metric, document.place.cite(place));
        series.points = points;
        series.points.sort_by_key(|(time, _)| *time);
        series
    }
}

//! What the user knows of clocks that were wrong: `--skew E3=+2s`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use pycoroner_findings::SourceId;

use crate::evidence::Item;
use crate::sniff::Kind;

/// Nanoseconds that are added to the times of sources.
pub(crate) type Shifts = BTreeMap<SourceId, i64>;

/// Reads `SRC=DUR`: SRC is the number of a source in the register, or its path.
///
/// # Errors
/// When there is no such source, when it is a core, or when DUR is no duration.
pub(crate) fn shifts(texts: &[String], items: &[Item]) -> Result<Shifts> {
    let mut shifts = Shifts::new();
    for text in texts {
        let (source, duration) = text
            .rsplit_once('=')
            .with_context(|| format!("{text:?} is no skew; write E3=+2s or app.log=-1m30s"))?;
        let Some(item) = items.iter().find(|item| item.id.to_string() == source || item.shown == source)
        else {
            let known: Vec<String> =
                items.iter().take(10).map(|item| format!("{} is {}", item.id, item.shown)).collect();
            bail!("no source is named {source:?}; {}", known.join(", "));
        };
        if matches!(item.kind, Kind::Core | Kind::OlderCore) {
            bail!("{} is a core, which states no times; shift the logs and exports instead", item.shown);
        }
        shifts.insert(item.id, nanos(duration)?);
    }
    Ok(shifts)
}

/// Reads `+2s`, `-1m30s`, `1.5s`.
fn nanos(text: &str) -> Result<i64> {
    // One sign is enough.
    let unsigned = text.strip_prefix('+').filter(|rest| !rest.starts_with('-')).unwrap_or(text);
    let duration = unsigned.parse::<jiff::SignedDuration>();
    let duration = duration.with_context(|| format!("{text:?} is no duration; write +2s or -1m30s"))?;
    i64::try_from(duration.as_nanos())
        .with_context(|| format!("{text:?} is longer than any clock can be wrong"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(nanos(text).ok(), expected, "{text}");
        check("+2s", Some(2_000_000_000));
        check("-1m30s", Some(-90_000_000_000));
        check("1.5s", Some(1_500_000_000));
        for text in ["", "2", "soon", "+-2s", "9999999999999999h"] {
            check(text, None);
        }
    }
}

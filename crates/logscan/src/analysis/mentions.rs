//! The records of a run that name requests.

use super::course::Spot;
use crate::header::Counted;
use crate::level::Level;
use crate::requests::{RequestId, is_access_log};
use crate::template::Named;

/// One of them. Times are nanoseconds as [`Form::time`](crate::header::Form::time) takes them.
pub(crate) struct Mentioned<'b> {
    pub(crate) id: RequestId<'b>,
    pub(crate) spot: Spot,
    pub(crate) nanos: i64,
    pub(crate) level: Level,
    pub(crate) pid: Option<u64>,
    /// The name of its template.
    pub(crate) template: u64,
    pub(crate) message: &'b [u8],
    pub(crate) is_access_log: bool,
}

impl<'b> Mentioned<'b> {
    pub(super) fn new(id: RequestId<'b>, counted: &Counted<'b>, named: &Named<'b>, spot: Spot) -> Self {
        let Counted { form, level, pid, message, .. } = *counted;
        let is_access_log = is_access_log(form.format, message);
        Self { id, spot, nanos: counted.time(), level, pid, template: named.name, message, is_access_log }
    }
}

//! What sentry-sdk sends: events as JSON, and [envelopes](https://develop.sentry.dev/sdk/data-model/envelopes/).
//!
//! What events say of users (addresses, cookies, headers, request bodies) and the variables of frames are not carried.

pub(crate) mod envelope;
pub(crate) mod event;

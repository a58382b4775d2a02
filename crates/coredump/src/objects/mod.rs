//! Python objects as values and as text.

//! What `_Py_DebugOffsets` states.

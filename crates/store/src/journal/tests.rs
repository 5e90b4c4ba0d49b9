//! The journal's own tests; each file a kind of trouble.

mod format;
mod support;

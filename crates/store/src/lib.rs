//! The book of bindings.

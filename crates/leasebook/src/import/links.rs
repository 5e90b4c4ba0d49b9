//! Which configured link a row of a lease file is on.

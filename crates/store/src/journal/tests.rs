//! The journal's own tests; each file a kind of trouble.

mod commit;
mod crash;
mod damage;
mod format;
mod kill;
mod repair;
mod restart;
mod support;
mod trouble;

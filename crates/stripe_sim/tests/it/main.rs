//! The sandbox from outside: real sockets, many clients at once, restarts, and a year that comes out the same.

#![expect(clippy::print_stdout, reason = "a test says which seed it drew from")]

mod bad_requests;
mod keeping;
mod lists;
mod locks;
mod same_year;
mod support;

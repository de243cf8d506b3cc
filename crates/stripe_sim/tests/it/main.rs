//! The sandbox from outside: real sockets, many clients at once, restarts, and a year that comes out the same.

mod bad_requests;
mod keeping;
mod lists;
mod locks;
mod same_year;
mod support;

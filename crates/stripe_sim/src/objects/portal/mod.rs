//! The billing portal: what customers may do by themselves, their visits to it, and what comes of what they do there.

pub(crate) mod actions;
pub(crate) mod changes;
pub(crate) mod configurations;
mod flows;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;

pub(crate) use configurations::Configuration;
pub(crate) use sessions::Session;

//! The routes of the price book: what they take, who may call them, what they answer.

pub mod fields;
mod plans;
mod prices;
mod top_ups;

pub use plans::{
    __path_change_plan, __path_create_plan, __path_get_plan, __path_list_plans, __path_remove_plan, change_plan,
    create_plan, get_plan, list_plans, remove_plan,
};
pub use top_ups::{
    __path_change_top_up, __path_create_top_up, __path_get_top_up, __path_list_top_ups, __path_remove_top_up,
    change_top_up, create_top_up, get_top_up, list_top_ups, remove_top_up,
};

use super::Removed;
use crate::platform::error::{Code, Error};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a plan that was to be removed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovalOutcome {
    /// It is gone: nobody ever had it.
    Deleted,
    /// It is kept, out of use: somebody has or had it.
    Archived,
}

impl From<Removed> for RemovalOutcome {
    fn from(removed: Removed) -> Self {
        match removed {
            Removed::Deleted => Self::Deleted,
            Removed::Archived => Self::Archived,
        }
    }
}

/// What is said of a list that is too long.
fn too_many(most: usize, param: &'static str) -> Error {
    Error::new(Code::InvalidField, format!("It may have at most {most} items.")).about(param)
}

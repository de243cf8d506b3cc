//! The list of operations: method, path, and what does it.

use super::{Answer, Asked};
use crate::{
    error::ApiError,
    objects::{catalog, customers},
    world::Cx,
};

/// What does an operation.
pub(crate) type Run = fn(&mut Cx<'_>, &Asked) -> Result<Answer, ApiError>;

/// One operation.
pub(crate) struct Route {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path, as in the contract.
    pub path: &'static str,
    /// What does it.
    pub run: Run,
}

impl Route {
    /// As in the contract, such as `GET /v1/customers/{id}`.
    pub fn label(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

const fn get(path: &'static str, run: Run) -> Route {
    Route { method: "GET", path, run }
}

const fn post(path: &'static str, run: Run) -> Route {
    Route { method: "POST", path, run }
}

const fn delete(path: &'static str, run: Run) -> Route {
    Route { method: "DELETE", path, run }
}

/// All operations.
pub(crate) const ROUTES: &[Route] = &[
    post("/v1/customers", customers::create),
    get("/v1/customers", customers::list),
    get("/v1/customers/{id}", customers::retrieve),
    post("/v1/customers/{id}", customers::update),
    delete("/v1/customers/{id}", customers::delete),
    post("/v1/products", catalog::create_product),
    get("/v1/products", catalog::list_products),
    get("/v1/products/{id}", catalog::retrieve_product),
    post("/v1/products/{id}", catalog::update_product),
    delete("/v1/products/{id}", catalog::delete_product),
    post("/v1/prices", catalog::create_price),
    get("/v1/prices", catalog::list_prices),
    get("/v1/prices/{id}", catalog::retrieve_price),
    post("/v1/prices/{id}", catalog::update_price),
];

#[cfg(test)]
mod tests {
    use super::ROUTES;
    use crate::contract::CONTRACT;

    #[test]
    fn every_operation_is_in_the_contract_once() {
        let mut labels: Vec<String> = ROUTES.iter().map(super::Route::label).collect();
        for label in &labels {
            assert!(CONTRACT.operations.contains_key(label), "{label}");
        }
        let count = labels.len();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), count);
    }
}

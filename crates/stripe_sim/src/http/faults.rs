//! Faults that are planted from outside: trouble, limits, locks, slowness, lost answers, an outage.

use serde::{Deserialize, Serialize};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Fault {
    /// It is answered with this status, and nothing is done.
    Trouble {
        /// 500–599; or 401, as if the account's key did not work any more.
        status: u16,
    },
    /// It is answered with this status, nothing is done, and its key is answered so from then on.
    TroubleKept {
        /// 500–599.
        status: u16,
    },
    /// It is done, and answered with this status all the same.
    TroubleAfter {
        /// 500–599.
        status: u16,
    },
    /// The rate is limited.
    RateLimit,
    /// The object is in use.
    Lock,
    /// The key is in use.
    KeyInUse,
    /// The answer takes longer. Meanwhile the objects named in its path are in use.
    Slow {
        /// By so many milliseconds.
        ms: u64,
    },
    /// The connection is cut before anything is done.
    CutBefore,
    /// It is done, and the connection is cut.
    CutAfter,
}

/// A fault, and which requests it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planted {
    /// The method; `None` is any.
    pub method: Option<String>,
    /// What the path begins with.
    #[serde(default)]
    pub path: String,
    /// How often it happens; `None` is until it is taken away: an outage.
    pub times: Option<u32>,
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The faults that are planted, the first that fits counts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults(pub Vec<Planted>);

impl Faults {
    /// What goes wrong with this request.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let fits = |planted: &Planted| {
            planted.method.as_deref().is_none_or(|wanted| wanted == method) && path.starts_with(&planted.path)
        };
        let at = self.0.iter().position(fits)?;
        let planted = &mut self.0[at];
        let fault = planted.fault;
        if let Some(times) = &mut planted.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(at);
            }
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Planted};

    #[test]
    fn a_fault_happens_as_often_as_it_was_planted_and_where() {
        let planted = |method: Option<&str>, path: &str, times, fault| Planted {
            method: method.map(Into::into),
            path: path.into(),
            times,
            fault,
        };
        let mut faults = Faults(vec![
            planted(Some("POST"), "/v1/customers", Some(2), Fault::Lock),
            planted(None, "", None, Fault::Trouble { status: 503 }),
        ]);
        assert_eq!(faults.take("POST", "/v1/customers"), Some(Fault::Lock));
        assert_eq!(faults.take("GET", "/v1/customers"), Some(Fault::Trouble { status: 503 }));
        assert_eq!(faults.take("POST", "/v1/customers/cus_1"), Some(Fault::Lock));
        assert_eq!(faults.take("POST", "/v1/customers"), Some(Fault::Trouble { status: 503 }));
    }
}

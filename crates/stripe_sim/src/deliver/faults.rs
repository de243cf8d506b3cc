//! Deliveries that go wrong on purpose: planted by hand, or drawn from a seed.

use super::targets::means;
use crate::world::{Cx, Random, Resource};
use serde::{Deserialize, Serialize};

/// How deliveries go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub(crate) enum DeliveryFault {
    /// The first try is made late.
    Late {
        /// By how many seconds.
        seconds: i64,
    },
    /// The event is sent a second time, whatever became of the first.
    Twice,
    /// The event is sent right behind the next one to the same endpoint; after an hour even if there is none.
    OutOfOrder,
    /// The event has the time of the last one about the same object, or of the last one of all.
    EqualTimestamps,
    /// The event is not sent at all.
    Never,
}

/// A fault that waits for its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlantedFault {
    /// `fault_…`
    pub id: String,
    /// The type of the events, or its beginning with `*` for the rest.
    pub events: String,
    /// What happens to them.
    #[serde(flatten)]
    pub fault: DeliveryFault,
    /// To how many of them it is still going to happen.
    pub left: u32,
}

impl Resource for PlantedFault {
    const SCHEMA: &'static str = "sandbox.delivery_fault";

    fn id(&self) -> &str {
        &self.id
    }
}

/// Faults that happen by chance, the same for the same seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drawn {
    /// Where the chance comes from.
    pub seed: u64,
    /// How many events of a thousand they happen to, on average.
    pub of_thousand: u64,
    /// Those that happen, each as often as it stands here.
    pub among: Vec<DeliveryFault>,
}

impl Drawn {
    /// The fault of the event `id`. It depends on nothing else, so that a request that is refused takes none away.
    fn of(&self, id: &str) -> Option<DeliveryFault> {
        // FNV-1a.
        let start = self.seed ^ 0xcbf2_9ce4_8422_2325;
        let mixed = id.bytes().fold(start, |mixed, byte| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Random::new(mixed);
        if random.below(1000) >= self.of_thousand {
            return None;
        }
        let count = u64::try_from(self.among.len()).unwrap_or(1);
        self.among.get(usize::try_from(random.below(count)).unwrap_or(0)).copied()
    }
}

/// Plants a fault for the next `times` events that `events` means, and answers its id.
pub(crate) fn plant(cx: &mut Cx<'_>, events: &str, fault: DeliveryFault, times: u32) -> String {
    let id = format!("fault_{}", cx.world.dispatch.number());
    cx.put(PlantedFault { id: id.clone(), events: events.to_owned(), fault, left: times });
    id
}

/// Takes a planted fault away; what already went wrong stays so.
pub(crate) fn withdraw(cx: &mut Cx<'_>, id: &str) {
    cx.remove::<PlantedFault>(id);
}

/// What goes wrong with the event `id` of the type `kind`: the first planted fault that means it, else what is drawn.
/// An event that is not sent (`sent`) uses up no fault of sending.
pub(super) fn pick(cx: &mut Cx<'_>, kind: &str, id: &str, sent: bool) -> Option<DeliveryFault> {
    let fits = |fault: DeliveryFault| sent || fault == DeliveryFault::EqualTimestamps;
    let means_it = |planted: &&PlantedFault| planted.left > 0 && means(&planted.events, kind) && fits(planted.fault);
    let planted = cx.world.all::<PlantedFault>().find(means_it).map(|planted| (planted.id.clone(), planted.fault));
    if let Some((planted, fault)) = planted {
        cx.edit::<PlantedFault>(&planted, |planted| planted.left -= 1);
        return Some(fault);
    }
    cx.world.dispatch.drawn.as_ref()?.of(id).filter(|fault| fits(*fault))
}

#[cfg(test)]
mod tests {
    use super::{DeliveryFault, Drawn};

    #[test]
    fn draws_are_the_same_for_the_same_seed_and_about_as_many_as_asked_for() {
        let among = vec![DeliveryFault::Twice, DeliveryFault::Never];
        let draw = |seed: u64, of_thousand: u64| {
            let drawn = Drawn { seed, of_thousand, among: among.clone() };
            (0..2000).map(|number| drawn.of(&format!("evt_{number}"))).collect::<Vec<_>>()
        };
        let draws = draw(7, 500);
        assert_eq!(draws, draw(7, 500));
        assert_ne!(draws, draw(8, 500));
        let count = |fault: DeliveryFault| draws.iter().filter(|drawn| **drawn == Some(fault)).count();
        let (twice, never) = (count(DeliveryFault::Twice), count(DeliveryFault::Never));
        assert!((400..600).contains(&twice) && (400..600).contains(&never), "{twice} {never}");
        assert!(draw(7, 0).iter().all(Option::is_none) && draw(7, 1000).iter().all(Option::is_some));
        let none = Drawn { seed: 7, of_thousand: 1000, among: Vec::new() };
        assert_eq!(none.of("evt_1"), None);
    }

    #[test]
    fn faults_are_written_by_name() {
        let table = [
            (DeliveryFault::Late { seconds: 60 }, r#"{"fault":"late","seconds":60}"#),
            (DeliveryFault::Twice, r#"{"fault":"twice"}"#),
            (DeliveryFault::OutOfOrder, r#"{"fault":"out_of_order"}"#),
            (DeliveryFault::EqualTimestamps, r#"{"fault":"equal_timestamps"}"#),
            (DeliveryFault::Never, r#"{"fault":"never"}"#),
        ];
        for (fault, text) in table {
            assert_eq!(serde_json::to_string(&fault).expect("JSON"), text);
            assert_eq!(serde_json::from_str::<DeliveryFault>(text).expect("a fault"), fault);
        }
    }
}

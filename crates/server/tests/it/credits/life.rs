//! One seeded life, lived on both databases and by a naive model, step by step.

mod money;
mod script;
mod watch;

use crate::credits::world::World;
use purser::platform::db::Kind;
use script::Life;
use tokio::join;

const SEED: u64 = 20_261_121;
const STEPS: u64 = 4_000;

/// `PURSER_SEED` and `PURSER_STEPS` choose another life, or a longer one.
#[expect(clippy::disallowed_methods, reason = "a test's own settings")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Lives it; answers every answer, in order.
async fn live(world: &World, seed: u64, steps: u64) -> Vec<String> {
    let mut life = Life::new(world, seed).await;
    for step in 0..steps {
        life.step().await;
        if step % 20 == 0 {
            watch::balance(world, &life.naive).await;
        }
        if step % 1000 == 999 {
            watch::grants(world, &life.naive).await;
            world.proved().await;
        }
    }
    watch::grants(world, &life.naive).await;
    life.answers
}

/// Each answer, each refusal and each figure is the naive model's on the way (see `script` and `watch`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_of_a_life_is_the_naive_models_on_both_databases() {
    let (seed, steps) = (setting("PURSER_SEED", SEED), setting("PURSER_STEPS", STEPS));
    println_seed(seed);
    let (sqlite, postgres) = (World::new(Kind::Sqlite).await, World::new(Kind::Postgres).await);
    let (one, other) = join!(live(&sqlite, seed, steps), live(&postgres, seed, steps));
    for (step, (one, other)) in one.iter().zip(&other).enumerate() {
        assert_eq!(one, other, "answer {step} of seed {seed}");
    }
    assert_eq!(one.len(), other.len());
    for table in watch::TABLES {
        let (one, other) = join!(watch::dump(&sqlite, table), watch::dump(&postgres, table));
        assert!(one.iter().zip(&other).all(|(a, b)| a == b) && one.len() == other.len(), "{table} differs");
        assert!(!one.is_empty(), "{table} was used");
    }
    let proved = sqlite.proved().await;
    assert_eq!(proved.entries, postgres.proved().await.entries);
    assert!(proved.entries > steps / 2, "the life did something: {} entries", proved.entries);
}

/// Says which life it is, so that a failure can be lived again.
fn println_seed(seed: u64) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "PURSER_SEED={seed}");
}

//! `cargo xtask bench`: measures Purser, what a team would write and the floors in one run, and writes docs/bench.md.

mod check;
mod database;
mod generator;
mod goals;
mod lab;
mod machine;
mod page;
mod process;
mod record;
mod sections;

use crate::{
    Outcome,
    shell::{self, root, say},
};
use goals::Records;
use lab::{Effort, Lab, Sheet, caught, progress};
use record::Record;
use sections::Section;
use std::{path::PathBuf, time::Instant};

const HELP: &str = "cargo xtask bench [--quick] [--only SECTION]... | --sections | --check

  --quick      one run of 3 s each, fewer rows; the page goes to target/bench.md instead of docs/bench.md
  --only NAME  only this section; the others stand on the page as they were measured last
  --sections   says which there are
  --check      races on the baselines instead: they must be right to be compared with

The page is written after each section, so a run that is cut short leaves what it measured. The table of the machine is
written when all sections are of this machine and commit; until then it stands, and a section of another says so.
";

/// What the words after `bench` ask for.
#[derive(Debug, Default)]
struct Asked {
    quick: bool,
    only: Vec<String>,
}

/// Does what `words` ask for.
pub fn run(words: &[&str]) -> Outcome {
    match words {
        ["--sections"] => {
            sections::ALL.iter().for_each(|section| say(section.name));
            Ok(())
        }
        ["--check"] => {
            sections::baselines::prepare()?;
            check::run(&Lab::open(Effort::QUICK)?)
        }
        words => measure(&asked(words)?),
    }
}

/// Reads the words.
fn asked(words: &[&str]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--quick" => asked.quick = true,
            "--only" => {
                let name = words.next().copied().unwrap_or_default();
                if !sections::ALL.iter().any(|section| section.name == name) {
                    return Err(format!("there is no section `{name}`: `cargo xtask bench --sections` names them"));
                }
                asked.only.push(name.to_owned());
            }
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(asked)
}

/// Measures the sections that are asked for, and writes the page from these and the earlier ones.
fn measure(asked: &Asked) -> Outcome {
    let started = Instant::now();
    // What is built now is measured, whatever becomes of the tree meanwhile.
    let commit = machine::commit();
    let floods = asked.only.is_empty() || asked.only.iter().any(|name| name == "flood");
    if floods && !shell::answers("sh", &["-c", "command -v wrk"]) {
        return Err("wrk is missing, which the flood is made with: install it (apt-get install wrk)".to_owned());
    }
    shell::run(&mut shell::cargo(&["build", "--release", "--locked", "--package", "purser-server"]))?;
    let beside = |name: &String| sections::ALL.iter().any(|section| section.name == *name && section.needs_baselines);
    if (asked.only.is_empty() || asked.only.iter().any(beside))
        && let Err(why) = sections::baselines::prepare()
    {
        progress(&format!("the baselines cannot run: {why}"));
    }
    let lab = Lab::open(if asked.quick { Effort::QUICK } else { Effort::FULL })?;
    let folder = root().join(if asked.quick { "target/bench/quick" } else { "target/bench" });
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let file = |section: &Section| folder.join(format!("{}.json", section.name));
    for section in sections::ALL.iter().filter(|section| asked.only.is_empty() || is_asked(asked, section)) {
        progress(&format!("\n== {} (after {} s)", section.name, started.elapsed().as_secs()));
        let mut sheet = Sheet::new(&lab, file(section), commit.clone(), machine::in_a_line());
        // What goes wrong between rows must not lose the sections that follow.
        if let Err(why) = caught(|| {
            (section.measure)(&mut sheet);
            Ok(())
        }) {
            progress(&format!("{} stopped: {why}", section.name));
        }
        if let Err(why) = write(asked, None, &kept(file)) {
            progress(&why);
        }
    }
    let records = kept(file);
    let whole = page::is_all_of(&records, &commit, &machine::processor());
    let page = write(asked, whole.then(|| machine::describe(&lab, &commit)), &records)?;
    let failed = records.values().flat_map(|record| &record.rows).filter(|row| row.failed.is_some()).count();
    say(&format!("{} is written, after {} s", page.display(), started.elapsed().as_secs()));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} rows failed: the page says why")) }
}

/// What was measured last of each section, as it is kept in its `file`.
fn kept(file: impl Fn(&Section) -> PathBuf) -> Records {
    let record = |section: &Section| Some((section.name.to_owned(), Record::load(&file(section))?));
    sections::ALL.iter().filter_map(record).collect()
}

fn is_asked(asked: &Asked, section: &Section) -> bool {
    asked.only.iter().any(|name| name == section.name)
}

/// Writes the page, or a copy of it for a quick look; the table of the machine too if it is given.
fn write(asked: &Asked, machine: Option<String>, records: &Records) -> Result<PathBuf, String> {
    let docs = root().join("docs/bench.md");
    let target = if asked.quick { root().join("target/bench.md") } else { docs.clone() };
    let page = std::fs::read_to_string(&docs).map_err(|error| format!("{}: {error}", docs.display()))?;
    let look = "\nA quick look: short runs, and smaller databases than the goals speak of.\n";
    let machine = machine.map(|machine| machine + if asked.quick { look } else { "" });
    let page = page::written(&page, machine.as_deref(), records)?;
    std::fs::write(&target, page).map_err(|error| format!("{}: {error}", target.display()))?;
    Ok(target)
}

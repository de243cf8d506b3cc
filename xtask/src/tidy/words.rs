//! Words that have no place in the tree: unfinished work, debugging, registry hosts, one machine's folders.

use super::Source;

/// What is banned, why, and where (the endings of paths). Pieced together, so that this file may be checked too.
const BANNED: &[(&str, &str, &[&str])] = &[
    (concat!("to", "do!("), "finish it or leave it out", &[".rs"]),
    (concat!("unimple", "mented!("), "finish it or leave it out", &[".rs"]),
    (concat!("d", "bg!("), "left from debugging", &[".rs"]),
    (concat!("#[", "ignore"), "a test that does not run is no test", &[".rs"]),
    (concat!("#[", "allow("), "say why: #[expect(…, reason = …)]", &[".rs"]),
    (concat!("#![", "allow("), "say why: #![expect(…, reason = …)]", &[".rs"]),
    (concat!("TO", "DO"), "do it, or write an issue", &[]),
    (concat!("FIX", "ME"), "do it, or write an issue", &[]),
    (concat!("crates", ".io"), "registries are configured, never named", &[]),
    (concat!("pypi", ".org"), "registries are configured, never named", &[]),
    (concat!("deb.debian", ".org"), "registries are configured, never named", &[]),
    (concat!("docker", ".io"), "registries are configured, never named", &[]),
    (concat!("npmjs", ".org"), "registries are configured, never named", &[]),
    (concat!("/wo", "rk/"), "a folder of one machine", &[]),
    (concat!("/ho", "me/"), "a folder of one machine", &[]),
    (concat!("/ro", "ot/"), "a folder of one machine", &[]),
    (concat!("/Us", "ers/"), "a folder of one machine", &[]),
];

/// Every line with a banned word.
pub fn banned(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (word, why, endings) in BANNED {
            if !endings.is_empty() && !endings.iter().any(|ending| source.path.ends_with(ending)) {
                continue;
            }
            let lines = source.text.lines().enumerate().filter(|(_, line)| has_word(line, word));
            found.extend(lines.map(|(at, _)| format!("{}:{}: `{word}`: {why}", source.path, at + 1)));
        }
    }
    found
}

/// Whether `word` stands in `line`, and not as the tail of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

//! Links between our own pages lead somewhere.

use super::Source;
use crate::shell::root;

/// Every relative link in a page whose target is not there.
pub fn dead(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for page in sources.iter().filter(|source| source.path.ends_with(".md")) {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in targets(&page.text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !root().join(folder).join(file).exists() {
                found.push(format!("{}: the link to `{target}` leads nowhere", page.path));
            }
        }
    }
    found
}

/// What the links of a page point to, other sites left out.
fn targets(text: &str) -> Vec<&str> {
    let parts = text.split("](").skip(1).filter_map(|part| part.split(')').next());
    parts.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace)).collect()
}

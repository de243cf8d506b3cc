//! The guide as pages of this server: the very text of the project's docs, rendered once at start.

use axum::{
    Router,
    http::header,
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use bytes::Bytes;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// The pages by name, in the order of the guide's own list.
const PAGES: &[(&str, &str)] = &[
    ("index", include_str!("../../../../../docs/guide/index.md")),
    ("quickstart", include_str!("../../../../../docs/guide/quickstart.md")),
    ("demo", include_str!("../../../../../docs/guide/demo.md")),
    ("credits", include_str!("../../../../../docs/guide/credits.md")),
    ("holds", include_str!("../../../../../docs/guide/holds.md")),
    ("plans", include_str!("../../../../../docs/guide/plans.md")),
    ("subscriptions", include_str!("../../../../../docs/guide/subscriptions.md")),
    ("payments", include_str!("../../../../../docs/guide/payments.md")),
    ("flows", include_str!("../../../../../docs/guide/flows.md")),
    ("allowances", include_str!("../../../../../docs/guide/allowances.md")),
    ("period-credits", include_str!("../../../../../docs/guide/period-credits.md")),
    ("auto-top-up", include_str!("../../../../../docs/guide/auto-top-up.md")),
    ("portal", include_str!("../../../../../docs/guide/portal.md")),
    ("notifications", include_str!("../../../../../docs/guide/notifications.md")),
    ("idempotency", include_str!("../../../../../docs/guide/idempotency.md")),
    ("errors", include_str!("../../../../../docs/guide/errors.md")),
    ("webhooks", include_str!("../../../../../docs/guide/webhooks.md")),
    ("events", include_str!("../../../../../docs/guide/events.md")),
    ("moving-in", include_str!("../../../../../docs/guide/moving-in.md")),
    ("operations", include_str!("../../../../../docs/guide/operations.md")),
    ("runbook", include_str!("../../../../../docs/guide/runbook.md")),
    ("monitoring", include_str!("../../../../../docs/guide/monitoring.md")),
    ("sandbox", include_str!("../../../../../docs/guide/sandbox.md")),
    ("bench", include_str!("../../../../../docs/guide/bench.md")),
];

/// How the pages look: readable, light and dark, on a phone and on a desk.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:light-dark(#1c1e21,#e6e8ea);--soft:light-dark(#5b626a,#a3abb3);\
--line:light-dark(#dfe3e7,#343a40);--back:light-dark(#ffffff,#15181b);--box:light-dark(#f4f6f8,#1f2428)}\
body{font:1rem/1.6 system-ui,sans-serif;max-width:46rem;margin:2.5rem auto;padding:0 1rem;color:var(--ink);\
background:var(--back)}\
h1{font-size:1.9rem;margin:0 0 1rem}\
h2{font-size:1.15rem;margin:2.5rem 0 .5rem;padding-top:1.25rem;border-top:1px solid var(--line)}\
h2:target{outline:2px solid Highlight;outline-offset:.4rem}\
code{font:.9em ui-monospace,monospace;background:var(--box);padding:.1em .3em;border-radius:.25rem}\
pre{background:var(--box);padding:1rem;border-radius:.5rem;overflow-x:auto}pre code{padding:0;background:none}\
table{border-collapse:collapse;display:block;overflow-x:auto}\
td,th{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}\
th{color:var(--soft);font-weight:600}a{color:LinkText}nav{margin-bottom:2rem;color:var(--soft)}\
@media(max-width:40rem){thead{display:none}table,tbody,tr,td{display:block}\
tr{border-bottom:1px solid var(--line);padding:.5rem 0}td{border:0;padding:.1rem 0}}";

/// `/docs/guide/NAME` for each page, and `/docs/errors`, which every error points to.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PAGES.iter().fold(Router::new(), |router, (name, text)| {
        let page = Bytes::from(page(text));
        let router = if *name == "errors" { router.route("/docs/errors", serve(page.clone())) } else { router };
        router.route(&format!("/docs/guide/{name}"), serve(page))
    })
}

fn serve<S: Clone + Send + Sync + 'static>(page: Bytes) -> MethodRouter<S> {
    get(move || async move { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response() })
}

/// A page as HTML: headings have anchors, links to other pages of the guide lead to them here.
fn page(text: &str) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    for at in 1..events.len() {
        let anchor = match &events[at] {
            Event::Code(text) | Event::Text(text) => anchor(text),
            _ => continue,
        };
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at - 1] {
            *id = Some(CowStr::from(anchor));
        }
    }
    for event in &mut events {
        if let Event::Start(Tag::Link { dest_url, .. }) = event {
            *dest_url = CowStr::from(link(dest_url));
        }
    }
    let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title} · Purser</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style><body>\
         <nav><a href=\"/docs/guide/index\">Guide</a> · <a href=\"/docs/\">API</a></nav><main>"
    );
    html::push_html(&mut page, events.into_iter());
    page.push_str("</main></body></html>");
    page
}

/// A heading's anchor, as readers of the text elsewhere make it: lower case, blanks as hyphens.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Where a link of the text leads here; one that leaves the guide stays what it is.
fn link(to: &str) -> String {
    let (path, place) = to.split_once('#').map_or((to, String::new()), |(path, place)| (path, format!("#{place}")));
    match path.strip_suffix(".md").filter(|name| PAGES.iter().any(|(known, _)| known == name)) {
        Some(name) => format!("/docs/guide/{name}{place}"),
        None => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::error::Code;

    #[test]
    fn every_code_has_its_place_on_the_page_of_errors() {
        let errors = PAGES.iter().find(|(name, _)| *name == "errors").map(|(_, text)| page(text)).unwrap_or_default();
        for code in Code::ALL {
            let name = code.as_str();
            assert!(errors.contains(&format!("<h2 id=\"{name}\"><code>{name}</code></h2>")), "{name}");
        }
    }

    #[test]
    fn links_between_pages_lead_to_pages() {
        assert_eq!(link("operations.md#what-to-look-at-when"), "/docs/guide/operations#what-to-look-at-when");
        assert_eq!(link("../ledger-format.md"), "../ledger-format.md");
        assert_eq!(anchor("What to look at, when"), "what-to-look-at-when");
    }
}

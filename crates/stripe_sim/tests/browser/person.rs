//! Somebody at the keyboard: goes from field to field, types, presses Enter and Space, and reads what the page says.

use crate::{
    CHECKS,
    driver::{Browser, until},
};
use serde_json::{Value, json};
use std::cell::RefCell;

/// The keys that are no letters. Source: <https://www.w3.org/TR/webdriver2/#keyboard-actions>
const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';
const DOWN: char = '\u{E015}';
const CONTROL: char = '\u{E009}';

/// The most stops of a page that are gone through to find one.
const MOST_STOPS: usize = 120;

/// What has the focus: what a screen reader calls it, what it is, and whether one sees that it has it. A window that has
/// lost the focus itself, as one without a screen may until the next key, shows no ring.
const FOCUSED: &str = r"
const it = document.activeElement;
if (!it || it === document.body) return null;
const style = getComputedStyle(it), box = it.getBoundingClientRect();
const text = (it.getAttribute('aria-label') || it.labels?.[0]?.innerText || it.innerText || it.value || '').trim();
return { name: text, tag: it.tagName, type: it.type || '', value: it.value ?? '', 
         ring: !document.hasFocus() || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, seen: box.width > 0 && box.height > 0 };
";

/// Somebody at the keyboard.
pub struct Person<'a> {
    browser: &'a Browser,
    /// The pages that were seen, in order.
    seen: RefCell<Vec<String>>,
}

impl<'a> Person<'a> {
    /// Somebody before this browser.
    pub fn at(browser: &'a Browser) -> Self {
        Self { browser, seen: RefCell::default() }
    }

    /// Types an address, and reads the page's title.
    pub fn opens(&self, url: &str, title: &str) {
        self.browser.open(url);
        self.is_at(title);
    }

    /// Waits for a page with this title, and sees that it is one of the sandbox and as every page must be.
    pub fn is_at(&self, title: &str) {
        let state = "return [document.readyState, document.title, location.href]";
        let page = until(
            || format!("the title begins with “{title}”: {}", self.browser.glance(state)),
            || {
                let page = self.browser.glance(state);
                (page[0] == "complete" && page[1].as_str()?.starts_with(title)).then_some(page)
            },
        );
        let wrong = self.browser.run(CHECKS);
        assert_eq!(wrong, json!([]), "{page}");
        self.seen.borrow_mut().push(page[2].as_str().unwrap_or_default().to_owned());
    }

    /// Waits until the page says so.
    pub fn reads(&self, text: &str) {
        until(|| format!("the page says “{text}”:\n{}", self.text()), || self.text().contains(text).then_some(()));
    }

    /// Sees that the page does not say so.
    pub fn does_not_read(&self, text: &str) {
        assert!(!self.text().contains(text), "{text}:\n{}", self.text());
    }

    /// The text of the page, as it is shown.
    pub fn text(&self) -> String {
        let text = self.browser.glance("return document.body ? document.body.innerText : ''");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What has the focus; null when nothing has.
    pub fn focused(&self) -> Value {
        self.browser.run(FOCUSED)
    }

    /// Goes on by Tab until what has the focus is called so. Every stop on the way must be seen and have a name.
    pub fn goes_to(&self, name: &str) {
        let mut stops = Vec::new();
        for _ in 0..MOST_STOPS {
            let stop = self.focused();
            let called = stop["name"].as_str().unwrap_or_default();
            if called.starts_with(name) {
                return;
            }
            if !stop.is_null() {
                assert!(!called.is_empty() && stop["seen"] == true && stop["ring"] == true, "a poor stop: {stop}");
                stops.push(called.to_owned());
            }
            self.browser.press([TAB]);
        }
        panic!("no stop is called “{name}”, but there are {stops:#?}");
    }

    /// Goes on to a field and types over what is in it.
    pub fn fills(&self, field: &str, text: &str) {
        self.goes_to(field);
        self.browser.chord(CONTROL, 'a');
        self.browser.press(text.chars());
        let now = self.focused();
        assert_eq!(now["value"], json!(text), "{field}: {now}");
    }

    /// Goes on to a button or a link and presses Enter.
    pub fn presses(&self, name: &str) {
        self.goes_to(name);
        self.leaves(ENTER);
    }

    /// Goes on to a button and presses Space.
    pub fn presses_by_space(&self, name: &str) {
        self.goes_to(name);
        self.leaves(' ');
    }

    /// Presses Enter where the focus is.
    pub fn enters(&self) {
        self.leaves(ENTER);
    }

    /// Opens what is folded up.
    pub fn unfolds(&self, name: &str) {
        self.goes_to(name);
        self.browser.press([ENTER]);
    }

    /// Goes from one choice to the next, by the arrow down, until it is this one.
    pub fn chooses(&self, group: &str, choice: &str) {
        self.goes_to(group);
        for _ in 0..20 {
            let now = self.focused();
            let shown = if now["tag"] == "SELECT" {
                self.browser.run("return document.activeElement.selectedOptions[0].text")
            } else {
                now["name"].clone()
            };
            if shown.as_str().is_some_and(|shown| shown.starts_with(choice)) {
                return;
            }
            self.browser.press([DOWN]);
        }
        panic!("there is no choice “{choice}” below “{group}”");
    }

    /// The pages that were seen, each once.
    pub fn pages(&self) -> Vec<String> {
        let mut pages = self.seen.borrow().clone();
        pages.sort();
        pages.dedup();
        pages
    }

    /// Presses a key that leads to another page, and waits until that is there.
    fn leaves(&self, key: char) {
        self.browser.run("window.left = false");
        self.browser.press([key]);
        until(
            || format!("a key leads on:\n{}", self.text()),
            || {
                let state =
                    self.browser.glance("return window.left === undefined && document.readyState === 'complete'");
                (state == true).then_some(())
            },
        );
    }
}

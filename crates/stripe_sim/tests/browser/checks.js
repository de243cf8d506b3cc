// What must hold of every page, as far as a script can tell; `wrong` is what does not. More may follow, and its answer.
const wrong = [];
const say = (what, it) => wrong.push(it ? `${what}: ${it.outerHTML.slice(0, 120)}` : what);
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = (it) => it.getClientRects().length > 0;

if (document.documentElement.lang !== 'en') say('its language is not said');
if (all('h1').length !== 1) say(`it has ${all('h1').length} h1`);
if (all('main').length !== 1) say('it has no main part, or several');
all('h1,h2,h3,h4').reduce((before, it) => {
  const level = Number(it.tagName[1]);
  if (level > before + 1) say('a level of headings is left out', it);
  return level;
}, 0);
all('input:not([type=hidden]),select,textarea').forEach((it) => {
  if (!it.labels.length && !it.getAttribute('aria-label')) say('a field has no label', it);
});
all('a,button,summary').forEach((it) => {
  if (!(it.getAttribute('aria-label') || it.innerText || it.textContent).trim()) say('it has no name', it);
  if (it.tagName === 'A' && !it.hasAttribute('href')) say('a link leads nowhere', it);
});
all('[aria-labelledby],[aria-describedby],label[for]').forEach((it) => {
  const id = it.getAttribute('aria-labelledby') || it.getAttribute('aria-describedby') || it.htmlFor;
  if (!document.getElementById(id)) say(`there is no ${id}`, it);
});
const ids = all('[id]').map((it) => it.id);
ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => say(`two things have the id ${id}`));
all('[tabindex]').forEach((it) => { if (it.tabIndex > 0) say('it jumps ahead in the order of focus', it); });
all('script,iframe,[style],[onclick]').forEach((it) => say('it does not belong here', it));
if (document.documentElement.scrollWidth > innerWidth) {
  const wide = all('body *').filter((it) => it.getBoundingClientRect().right > innerWidth + 1 && !it.closest('.scroll, pre'));
  say(`it scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth}`, wide[0]);
}
// WCAG 2.2, 2.5.8: what is pressed is at least 24 pixels high, but for links in a text.
all('button,summary,input:not([type=hidden]):not([type=radio]),select,nav a').filter(shown).forEach((it) => {
  if (it.getBoundingClientRect().height < 24) say('it is hard to hit', it);
});

// WCAG 2.2, 1.4.3: texts stand out from what is behind them, in both colour schemes.
const parts = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const behind = (it) => {
  for (let at = it; at; at = at.parentElement) {
    const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
    if (a > 0) return [r, g, b];
  }
  return parts(getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'rgb(18,18,18)' : 'rgb(255,255,255)');
};
const light = (colour) => {
  const [r, g, b] = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
for (const scheme of ['light', 'dark']) {
  document.documentElement.style.colorScheme = scheme;
  const texts = all('body *').filter((it) => shown(it) && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  texts.forEach((it) => {
    const [one, two] = [light(parts(getComputedStyle(it).color).slice(0, 3)), light(behind(it))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) say(`${ratio.toFixed(2)} is too little contrast (${scheme})`, it);
  });
}
document.documentElement.style.removeProperty('color-scheme');

// The search of the manual's pages. search-index.js, which Tools/manual makes, has the pages' sections:
// [file, anchor, page, heading, text]. Nothing is fetched, so it works in a folder, too. Without JavaScript there is no field.
"use strict";

const shown = 20;

// The sections that have all words: those first that have more of them in the heading or the page's title.
function search(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    const found = [];
    for (const section of sections) {
        const title = `${section[2]} ${section[3]}`.toLowerCase();
        const text = section[4].toLowerCase();
        if (!words.every((word) => title.includes(word) || text.includes(word))) continue;
        const whole = words.filter((word) => title.split(/[^\w.]+/).includes(word)).length;
        found.push({ section, rank: 2 * whole + words.filter((word) => title.includes(word)).length, word: words[0] });
    }
    return found.sort((one, other) => other.rank - one.rank);
}

// The text around the first word.
function excerpt(text, word) {
    const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
    return (at > 0 ? "... " : "") + text.slice(at, at + 140) + (at + 140 < text.length ? " ..." : "");
}

function element(name, text, attributes = {}) {
    return Object.assign(document.createElement(name), { textContent: text }, attributes);
}

const field = element("input", "", { type: "search", placeholder: "Search", ariaLabel: "Search the manual" });
const results = element("ol", "", { id: "results", hidden: true });

field.addEventListener("input", () => {
    const found = search(field.value);
    results.replaceChildren(...found.slice(0, shown).map(({ section: [file, anchor, page, heading, text], word }) => {
        const item = element("li", "");
        item.append(element("a", heading === page ? page : `${page}: ${heading}`, { href: `${file}#${anchor}` }),
                    element("p", excerpt(text, word)));
        return item;
    }));
    if (found.length > shown) results.append(element("li", `and ${found.length - shown} more`));
    if (found.length === 0) results.append(element("li", "Nothing found"));
    results.hidden = field.value.trim() === "";
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") results.hidden = true;
    if (event.key !== "/" || document.activeElement === field) return;
    event.preventDefault();
    field.focus();
});
document.querySelector("header").append(field, results);

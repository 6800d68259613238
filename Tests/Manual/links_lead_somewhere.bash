#!/bin/bash
# Each link of the HTML pages, and each result of their search, leads to a page, and to an anchor in it; each page can be reached
# from the index, names all others, and lists its headings; nothing is fetched from elsewhere.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" html html
/usr/bin/python3 - html <<'END' || exit
import html.parser, json, pathlib, sys, urllib.parse

folder = pathlib.Path(sys.argv[1])
links, anchors, wrong = {}, {}, []

class Reader(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            if values["id"] in anchors[page]:
                wrong.append(f"{page}: two anchors #{values['id']}")
            anchors[page].add(values["id"])
        link = values.get("href") or values.get("src")
        if tag == "a":
            links[page].append(link)
        elif link and (":" in link or not (folder / link).exists()):
            wrong.append(f"{page}: <{tag}> {link}")

for path in folder.glob("*.html"):
    page = path.name
    links[page], anchors[page] = [], set()
    Reader().feed(path.read_text())
    if "](" in path.read_text():
        wrong.append(f"{page}: a link of Markdown is left")
if len(links) < 15:
    wrong.append(f"only {len(links)} pages")
for page, targets in links.items():
    for target in targets:
        if ":" in target:
            continue
        file, _, anchor = target.partition("#")
        file = file or page
        if file not in anchors:
            wrong.append(f"{page}: {target}: there is no {file}")
        elif anchor and urllib.parse.unquote(anchor) not in anchors[file]:
            wrong.append(f"{page}: {target}: {file} has no #{anchor}")
    missing = set(anchors) - {link.partition("#")[0] for link in targets}
    if missing:
        wrong.append(f"{page} does not name {missing}")
    if len(anchors[page]) > 5 and len([link for link in targets if link.startswith("#")]) < len(anchors[page]) / 2:
        wrong.append(f"{page} has no table of contents")
for file, anchor, *_ in json.loads((folder / "search-index.js").read_text().removeprefix("const sections = ").rstrip(";\n")):
    if anchor not in anchors.get(file, ()):
        wrong.append(f"the search leads to {file}#{anchor}, which is not there")
reached, new = set(), {"index.html"}
while new:
    reached |= new
    new = {target.partition("#")[0] for page in new for target in links[page] if ":" not in target} - reached - {""}
    new &= set(links)
wrong += [f"{page} can't be reached" for page in set(links) - reached]
if wrong:
    sys.exit("\n".join(wrong))
END

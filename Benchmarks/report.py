#!/usr/bin/env python3
"""Turns what Benchmarks/bench measured into Markdown and SVG.

    Benchmarks/report.py results.json    writes results.md and the plots beside it again
"""

import dataclasses
import html
import json
import math
import pathlib
import re
import statistics
import sys

COLOURS = {"kaio": "#d1495b", "glibc": "#6c757d", "libaio": "#2e6f95", "io_uring": "#3a9d6e", "psync": "#c9a227",
           "kaio, not ordered": "#e8a0aa"}


# --- Figures

@dataclasses.dataclass
class Figure:
    """The median of one value for each round, and how much the rounds differ."""

    values: list

    def __post_init__(self):
        self.count = len(self.values)
        self.median = statistics.median(self.values)
        if self.count > 1:
            self.low, _, self.high = statistics.quantiles(self.values, n=4, method="inclusive")
        else:
            self.low = self.high = self.median
        # The notch of a box plot: where the true median is, in 95 of 100 cases.
        self.doubt = 1.57 * (self.high - self.low) / math.sqrt(self.count)

    @property
    def noisy(self):
        return self.count < 3 or self.doubt > abs(self.median) / 10

    def verdict(self, bound, at_least):
        if self.count < 3:
            return "too few rounds to tell"
        if self.noisy and abs(self.median - bound) <= self.doubt:
            return "too noisy to tell"
        return "reached" if (self.median >= bound if at_least else self.median <= bound) else "**missed**"


# A workload below this, of glibc's rate, is named in the report's first lines.
SLOWER = 0.98


def digits(value):
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}" if abs(value) >= 0.01 else f"{value:.2g}"


def shown(figure, scale=1.0, spread=False):
    if not figure:
        return "-"
    text = digits(figure.median / scale) + ("~" if figure.noisy else "")
    return text + (f" ({digits(figure.low / scale)} to {digits(figure.high / scale)})" if spread else "")


class Results:
    def __init__(self, data):
        self.data = data
        self.cases = data["cases"]

    def column(self, case, engine, key):
        return self.cases.get(case, {}).get("engines", {}).get(engine, {}).get(key, [])

    def figure(self, case, engine, key, scale=1.0):
        values = [value / scale for value in self.column(case, engine, key) if value is not None]
        return Figure(values) if values else None

    def ratio(self, case, key, engine, other, other_case=None):
        """Round by round, so that what slows a whole round down does not count."""
        pairs = zip(self.column(case, engine, key), self.column(other_case or case, other, key))
        values = [above / below for above, below in pairs if above is not None and below]
        return Figure(values) if values else None


EMPTY_MODULES = 8  # in the stack of the engine `empty`


def module_price(results, case, engine, count=1):
    """What a module above the standard stack costs, in nanoseconds of CPU time a request; the difference is taken within
    each round."""
    pairs = zip(results.column(case, engine, "cpu_ns"), results.column(case, "kaio", "cpu_ns"))
    values = [(above - below) / count for above, below in pairs if above is not None and below is not None]
    return Figure(values) if values else None


def targets(results):
    """(what, figure, at least?, bound), in the order of the issue that set them."""
    ratio, figure = results.ratio, results.figure
    for depth in (1, 8, 32, 128, 512):
        yield (f"O_DIRECT randread 4k, depth {depth}: IOPS against libaio",
               ratio(f"direct-read-4k-{depth}", "iops", "kaio", "libaio"), True, 0.98)
    for depth in (8, 32):
        yield (f"the same, depth {depth}: IOPS against glibc",
               ratio(f"direct-read-4k-{depth}", "iops", "kaio", "glibc"), True, 2.5)
    yield ("the same, depth 32: CPU time of an operation against libaio",
           ratio("direct-read-4k-32", "cpu_us", "kaio", "libaio"), False, 1.02)
    for what, case, other, bound in (
            ("RAM-backed block device, depth 1", "ram-read-4k-1", "libaio", 1.1),
            ("RAM-backed block device, depth 1", "ram-read-4k-1", "glibc", 5),
            ("page-cache hits 4k, depth 1", "cached-read-4k-1", "libaio", 1.3),
            ("page-cache hits 4k, depth 1", "cached-read-4k-1", "glibc", 6),
            ("page-cache hits 4k, depth 32", "cached-read-4k-32", "glibc", 1.1),
            ("cold buffered randread 4k, depth 32", "cold-read-4k-32", "glibc", 2)):
        yield f"{what}: IOPS against {other}", ratio(case, "iops", "kaio", other), True, bound
    yield ("cold buffered read of 1 MiB: time inside aio_read, 99 %, against raw io_submit",
           ratio("call-cold", "p99", "kaio", "libaio"), False, 0.1)
    yield ("O_DIRECT write past the end: time inside aio_write, 99 %, against raw io_submit",
           ratio("call-extend", "p99", "kaio", "libaio"), False, 0.2)
    yield ("lio_listio of 32, O_DIRECT: IOPS against libaio submitting 32 at once",
           ratio("list-32", "iops", "kaio", "libaio"), True, 0.98)
    yield "aio_error on a finished request, ns", figure("error", "kaio", "ns"), False, 5
    yield ("aio_suspend, 10,000 entries, none finished, zero timeout: ns for each entry",
           figure("suspend-10000", "kaio", "entry_ns"), False, 5)
    yield ("CPU time of a request with 50,000 in flight against 32",
           ratio("flight-50000", "cpu_ns", "kaio", "kaio", other_case="flight-32"), False, 1.3)
    yield "10,000 aio_reads on idle sockets: threads added", figure("idle-10000", "kaio", "threads_added"), False, 0
    yield ("the same: IOPS of a file, depth 32, with them against without",
           figure("idle-10000", "kaio", "ratio"), True, 0.95)
    yield "/bin/true preloaded: ms more", figure("start", "kaio", "more_ns", 1e6), False, 0.2
    for case, where in (("direct-write-4k-32", "the disk"), ("ram-write-4k-32", "the RAM-backed device")):
        yield (f"module `ordered`: IOPS of O_DIRECT writes, depth 32, on {where} with it against without",
               ratio(case, "iops", "kaio", "kaio, not ordered"), True, 0.95)
    for case, where in (("module-cached", "page-cache hit"), ("module-direct", "O_DIRECT read, 32 in flight")):
        yield (f"an empty module in the stack: ns of CPU time more, {where}",
               module_price(results, case, "empty", EMPTY_MODULES), False, 20)


# --- Markdown

def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def target_table(results):
    rows = []
    for what, figure, at_least, bound in targets(results):
        must = f"{'at least' if at_least else 'at most'} {bound}"
        if figure:
            rows.append((what, must, shown(figure, spread=True), figure.verdict(bound, at_least)))
        elif results.data["whole"]:
            rows.append((what, must, "-", "not measured"))
    return table(("figure", "must be", "median (quartiles)", ""), rows) if rows else ""


def markdown(data, plots):
    results = Results(data)
    ratio, figure = results.ratio, results.figure
    parts = [f"# kaio {data['kaio']}, measured on {data['date']}\n"]
    parts.append("".join(f"- {key}: {value}\n" for key, value in data["machine"].items()))
    parts.append(
        f"{data['rounds']} interleaved rounds; each run of fio takes {data['seconds']} s; {data['minutes']} minutes in "
        f"all; load of the machine before: {data['load']:.1f}. Figures are medians of the rounds. A ratio is taken "
        "within each round, then the median. A figure with ~ is too noisy to mean anything: the doubt about its median "
        "is more than 10 %.\n")
    names = [name for name, case in data["cases"].items() if any("cpu_us" in kept for kept in case["engines"].values())]
    slower = [(data["cases"][name]["title"], against) for name in names
              if (against := ratio(name, "iops", "kaio", "glibc")) and against.median < SLOWER]
    if slower:
        parts.append("**Slower than glibc:** " + "; ".join(f"{title}, {shown(against)}" for title, against in slower) + ".\n")
    if left_out := data["left out"]:
        parts.append("Left out: " + "; ".join(f"{what} ({why})" for what, why in left_out.items()) + ".\n")
    if data["failures"]:
        parts.append("Failed:\n\n" + "".join(f"- {line}\n" for line in data["failures"]))
    if text := target_table(results):
        parts.append("## Targets\n\n" + text)

    engines = ("kaio", "glibc", "libaio", "io_uring", "psync")
    if names:
        parts.append("## fio\n")
        parts += [f"![{title}]({name})\n" for name, title in plots]
        parts.append("Thousands of operations a second, and below it microseconds of CPU time for each; psync has a "
                     "queue of one. The ratios are of operations a second, with their quartiles.\n")
        rows = []
        for name in names:
            cells = [shown(figure(name, engine, "iops", 1000)) + "<br>" + shown(figure(name, engine, "cpu_us"))
                     if figure(name, engine, "iops") else "-" for engine in engines]
            rows.append((data["cases"][name]["title"], *cells,
                         *(shown(ratio(name, "iops", "kaio", other), spread=True) for other in ("libaio", "glibc"))))
        parts.append(table(("workload", *engines, "kaio / libaio", "kaio / glibc"), rows))
        rows = [(data["cases"][name]["title"], *(
            f"{shown(figure(name, engine, 'p50_us'))}, {shown(figure(name, engine, 'p99_us'))}"
            if figure(name, engine, "p50_us") else "-" for engine in engines)) for name in names]
        parts.append("Completion latency in microseconds, 50th and 99th percentile:\n\n"
                     + table(("workload", *engines), rows))

    def section(title, prefix, engines, columns, scale=1.0):
        """A table of the cases of a measure of micro.c: a row for each case and engine."""
        rows = []
        for name, case in data["cases"].items():
            if name.startswith(prefix):
                rows += [(case["title"], "raw" if engine == "libaio" else engine,
                          *(shown(figure(name, engine, key), scale) for key in columns.values()))
                         for engine in engines if figure(name, engine, next(iter(columns.values())))]
        if rows:
            parts.append(f"### {title}\n\n" + table(("", "", *columns), rows))

    both = ("kaio", "glibc", "libaio")
    parts.append("## Single functions\n\nFrom `Benchmarks/micro.c`; raw is io_submit, called through libaio.\n")
    section("How long the submitting call takes, in microseconds", "call-", both,
            {"50 %": "p50", "99 %": "p99", "99.9 %": "p999"}, 1000)
    section("A plain loop", "window-", both + ("musl",), {"operations a second": "iops", "CPU time of each, ns": "cpu_ns"})
    section("Lists of 32", "list-", both, {"operations a second": "iops", "CPU time of each, ns": "cpu_ns"})
    section("aio_error", "error", both, {"ns": "ns"})
    section("aio_suspend", "suspend-", both, {"ns a call": "call_ns", "ns an entry": "entry_ns"})
    section("With many in flight", "flight-", both, {"CPU time of each, ns": "cpu_ns", "operations a second": "iops"})
    section("A file's reads beside idle sockets", "idle-", both,
            {"threads added": "threads_added", "IOPS without": "iops_without", "IOPS with": "iops_with",
             "ratio": "ratio"})
    section("Resident memory", "memory", both,
            {"at the start, KiB": "start_kib", "first request, KiB more": "first_kib",
             "10,000 in flight, bytes each": "many_bytes_each"})
    rows = []
    for case in ("module-cached", "module-direct"):
        for engine in data["cases"].get(case, {}).get("engines", {}):
            if engine != "kaio":
                count = EMPTY_MODULES if engine == "empty" else 1
                rows.append((data["cases"][case]["title"].split(", a module")[0], f"`{engine}`",
                             shown(module_price(results, case, engine, count), spread=True),
                             shown(figure(case, engine, "cpu_ns")), shown(figure(case, "kaio", "cpu_ns"))))
    if rows:
        parts.append("### Modules, in nanoseconds of CPU time a request\n\nOne module above the standard stack, told to do "
                     "nothing to reads or next to nothing; the price is the difference in the same round, with its "
                     f"quartiles. `empty`, without a function, is measured {EMPTY_MODULES} at a time, as one costs too "
                     "little; `passing` is a C module whose two functions for reads do nothing but hand on, and "
                     "`passing-8` are eight of them; `live` is what `kaio top` reads, while nobody looks.\n\n"
                     + table(("read", "module", "price", "with it", "without"), rows))
    section("From fork to the end of a process with one request, in milliseconds", "life-", both, {"ms": "life_ns"}, 1e6)
    section("Start of /bin/true, microseconds", "start", both,
            {"without": "without_ns", "with": "with_ns", "more": "more_ns"}, 1000)
    if parts[-1].startswith("## Single"):
        parts.pop()
    return "\n".join(parts)


# --- SVG

class Drawing:
    def __init__(self, width, height, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12" fill="#222">',
            f'<title>{html.escape(title)}</title>', f'<rect width="{width}" height="{height}" fill="#fff"/>']
        self.text(16, 24, title, size=15, weight="bold")

    def text(self, x, y, text, anchor="start", size=12, weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
                          f'font-weight="{weight}">{html.escape(text)}</text>')

    def line(self, points, colour, width=1.0):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def box(self, x, y, width, height, colour, hint=""):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
                          f'<title>{html.escape(hint)}</title></rect>')

    def dot(self, x, y, colour, hint):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}">'
                          f'<title>{html.escape(hint)}</title></circle>')

    def legend(self, x, y, engines):
        for engine in engines:
            self.box(x, y - 9, 10, 10, COLOURS[engine])
            self.text(x + 14, y, engine)
            x += 30 + 7 * len(engine)

    def finish(self):
        return "\n".join(self.parts) + "\n</svg>\n"


def bars(results, names):
    """A group of bars for each workload: IOPS as a ratio to libaio's, on a logarithmic scale, with the quartiles."""
    shown_engines = ("kaio", "glibc", "io_uring", "psync")
    groups = []
    for name in names:
        group = [(engine, results.ratio(name, "iops", engine, "libaio")) for engine in shown_engines]
        groups.append((results.cases[name]["title"], [(engine, figure) for engine, figure in group if figure]))
    groups = [group for group in groups if group[1]]
    # What is beyond the ends, mostly a single run that was disturbed, must not squeeze all the rest.
    ends = [math.log2(value) for _, group in groups for _, figure in group for value in (figure.low, figure.high)]
    low = math.floor(max(-4, min([-1, *ends])))
    high = math.ceil(min(4, max([1, *ends])))
    left, right, top, thick = 290, 820, 62, 9
    height = top + sum(len(group) * thick + 10 for _, group in groups) + 30
    drawing = Drawing(860, height, "Operations a second as a ratio to libaio's (logarithmic; whiskers: quartiles)")
    drawing.legend(left, 44, [name for name in shown_engines if any(name in dict(group) for _, group in groups)])

    def x(value):
        return left + (min(max(math.log2(value), low), high) - low) / (high - low) * (right - left)

    for power in range(low, high + 1):
        drawing.line([(x(2**power), top - 6), (x(2**power), height - 26)], "#222" if power == 0 else "#ddd")
        drawing.text(x(2**power), height - 10, f"{2**power}" if power >= 0 else f"1/{2**-power}", "middle")
    y = top
    for title, group in groups:
        drawing.text(left - 10, y + len(group) * thick / 2 + 4, title, "end")
        for engine, figure in group:
            start, end = sorted((x(1), x(figure.median)))
            drawing.box(start, y, max(end - start, 1), thick - 1, COLOURS[engine],
                        f"{title}, {engine}: {shown(figure, spread=True)}")
            drawing.line([(x(figure.low), y + 4), (x(figure.high), y + 4)], "#222")
            y += thick
        y += 10
    return drawing.finish()


def nice_ceiling(value):
    unit = 10 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value)


def curves(results, prefix, title):
    """Throughput and CPU time of an operation against the depth of the queue."""
    depths = [depth for depth in (1, 8, 32, 128, 512) if results.cases.get(f"{prefix}-{depth}", {}).get("engines")]
    engines = [engine for engine in ("kaio", "glibc", "libaio", "io_uring")
               if any(results.figure(f"{prefix}-{depth}", engine, "iops") for depth in depths)]
    drawing = Drawing(860, 340, title)
    drawing.legend(60, 48, engines)
    for left, key, scale, what in ((60, "iops", 1000, "thousand operations a second"),
                                   (490, "cpu_us", 1, "CPU time of an operation, microseconds")):
        lines = {engine: [(depth, figure) for depth in depths
                          if (figure := results.figure(f"{prefix}-{depth}", engine, key, scale))] for engine in engines}
        most = nice_ceiling(max(figure.high for line in lines.values() for _, figure in line))
        top, bottom, width = 90, 295, 330

        def x(depth):
            return left + depths.index(depth) / max(1, len(depths) - 1) * width

        def y(value):
            return bottom - value / most * (bottom - top)

        drawing.text(left, 74, what, weight="bold")
        for step in range(5):
            drawing.line([(left, y(most * step / 4)), (left + width, y(most * step / 4))], "#ddd")
            drawing.text(left - 6, y(most * step / 4) + 4, f"{most * step / 4:g}", "end")
        for depth in depths:
            drawing.text(x(depth), bottom + 18, str(depth), "middle")
        drawing.text(left + width / 2, bottom + 36, "requests in flight", "middle")
        # kaio last, on top.
        for engine, line in reversed(lines.items()):
            drawing.line([(x(depth), y(figure.median)) for depth, figure in line], COLOURS[engine], 2)
            for depth, figure in line:
                drawing.line([(x(depth), y(figure.low)), (x(depth), y(figure.high))], COLOURS[engine])
                drawing.dot(x(depth), y(figure.median), COLOURS[engine],
                            f"{engine}, depth {depth}: {shown(figure, spread=True)}")
    return drawing.finish()


# --- Files

def write(data, directory=None):
    """Writes results.json, results.md and the plots; returns what a person at a terminal wants to know."""
    results = Results(data)
    measured = [name for name in data["cases"] if results.figure(name, "kaio", "iops")
                and results.figure(name, "libaio", "iops")]
    drawings = {}
    if measured:
        drawings["workloads.svg"] = "All workloads", bars(results, measured)
    for prefix, what in (("direct-read-4k", "O_DIRECT reads of 4 KiB on the disk"),
                         ("ram-read-4k", "O_DIRECT reads of 4 KiB, RAM-backed block device"),
                         ("cached-read-4k", "Reads of 4 KiB from the page cache")):
        if sum(f"{prefix}-{depth}" in measured for depth in (1, 8, 32, 128, 512)) > 1:
            drawings[f"{prefix}.svg"] = what, curves(results, prefix, what)
    if not directory:
        return markdown(data, [])
    directory.mkdir(parents=True, exist_ok=True)
    # One line for a list of numbers.
    text = re.sub(r"\[\s+([^][{}\"]*?)\s+\]", lambda found: f"[{' '.join(found.group(1).split())}]",
                  json.dumps(data, indent=1))
    (directory / "results.json").write_text(text + "\n")
    (directory / "results.md").write_text(
        markdown(data, [(name, title) for name, (title, _) in drawings.items()]))
    for name, (_, drawing) in drawings.items():
        (directory / name).write_text(drawing)
    return target_table(results)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    path = pathlib.Path(sys.argv[1])
    print(write(json.loads(path.read_text()), path.parent))

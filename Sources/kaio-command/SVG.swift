// Plots as SVG, with titles, units and a legend, that any browser shows.

import Glibc

/// A part of a drawing, as wide as that.
protocol Chart {
    var height: Double { get }
    func draw(_ canvas: inout Canvas, top: Double)
}

struct SVG {
    let title: String
    let note: String
    let charts: [any Chart]

    static let width = 860.0
    private static let (header, footer) = (40.0, 34.0)

    var text: String {
        let height = SVG.header + charts.reduce(0) { $0 + $1.height } + SVG.footer
        var canvas = Canvas()
        canvas.text(16, 24, title, size: 15, isBold: true)
        var top = SVG.header
        for chart in charts {
            chart.draw(&canvas, top: top)
            top += chart.height
        }
        canvas.text(16, height - 12, note, size: 11)
        let size =
            "width=\"\(Int(SVG.width))\" height=\"\(Int(height))\" viewBox=\"0 0 \(Int(SVG.width)) \(Int(height))\""
        return """
            <svg xmlns="http://www.w3.org/2000/svg" \(size) font-family="sans-serif" font-size="12" fill="#222">
            <title>\(Canvas.escaped(title))</title>
            <rect width="100%" height="100%" fill="#fff"/>
            \(canvas.elements.joined(separator: "\n"))
            </svg>

            """
    }

    /// Nil, or why it could not be written.
    func write(to path: String) -> String? {
        // Where others can write, a link or another's file may be there for us to follow.
        let refusal = "it may be another user's, in a directory that others can write to"
        guard let way = Way(to: Path.directory(of: path)) else { return errno == EPERM ? refusal : errorText(errno) }
        defer { close(way.directory) }
        let isShared = way.isShared || way.isReplaceable
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (isShared ? O_NOFOLLOW : 0)
        let file = openat(way.directory, Path.name(of: path), flags, 0o644)
        guard file >= 0 else { return isShared && errno == ELOOP ? refusal : errorText(errno) }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { return errorText(errno) }
        if isShared, facts.st_uid != geteuid() || facts.st_nlink > 1 {
            return refusal
        }
        if facts.st_mode & S_IFMT == S_IFREG, ftruncate(file, 0) != 0 { return errorText(errno) }
        return kaio_command.write(text, to: file) ? nil : errorText(errno)
    }
}

struct Canvas {
    fileprivate(set) var elements: [String] = []

    enum Anchor: String { case start, middle, end }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            // XML has no other control characters.
            case _ where scalar.value < 0x20: result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String { Format.fixed(value, 1) }

    mutating func text(
        _ x: Double, _ y: Double, _ text: String, _ anchor: Anchor = .start, size: Int = 12, isBold: Bool = false
    ) {
        let place = "x=\"\(Canvas.number(x))\" y=\"\(Canvas.number(y))\" text-anchor=\"\(anchor.rawValue)\""
        let font = "font-size=\"\(size)\"\(isBold ? " font-weight=\"bold\"" : "")"
        elements.append("<text \(place) \(font)>\(Canvas.escaped(text))</text>")
    }

    mutating func line(_ points: [(x: Double, y: Double)], _ colour: String, width: Double = 1) {
        let path = points.map { "\(Canvas.number($0.x)),\(Canvas.number($0.y))" }.joined(separator: " ")
        elements.append(
            "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(Canvas.number(width))\"/>"
        )
    }

    mutating func box(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: String) {
        let place = "x=\"\(Canvas.number(x))\" y=\"\(Canvas.number(y))\""
        let size = "width=\"\(Canvas.number(width))\" height=\"\(Canvas.number(height))\""
        elements.append("<rect \(place) \(size) fill=\"\(colour)\"/>")
    }

    mutating func dot(_ x: Double, _ y: Double, _ colour: String) {
        elements.append(
            "<circle cx=\"\(Canvas.number(x))\" cy=\"\(Canvas.number(y))\" r=\"3.5\" fill=\"\(colour)\"/>")
    }

    mutating func legend(_ x: Double, _ y: Double, _ series: [(name: String, colour: String)]) {
        var x = x
        for (name, colour) in series {
            box(x, y - 9, 10, 10, colour)
            text(x + 14, y, name)
            x += 34 + 7 * Double(name.count)
        }
    }
}

private let grid = "#ddd"
private let ink = "#222"

/// 20000 as 20k.
private func short(_ value: Double) -> String {
    if value >= 1e6 { return "\(trimmed(value / 1e6))M" }
    return value >= 1e3 ? "\(trimmed(value / 1e3))k" : trimmed(value)
}

private func trimmed(_ value: Double) -> String {
    let text = Format.fixed(value, value < 10 ? 1 : 0)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A group of bars for each name, one bar for each of the series.
struct BarChart: Chart {
    private let unit: String
    private let series: [(name: String, colour: String)]
    private var groups: [(name: String, figures: [Figure?])] = []

    private static let (left, right, head, thick, gap) = (255.0, 790.0, 40.0, 11.0, 10.0)

    init(unit: String, series: [(name: String, colour: String)]) {
        self.unit = unit
        self.series = series
    }

    mutating func add(_ name: String, _ figures: [Figure?]) { groups.append((name, figures)) }

    private var groupHeight: Double { Double(series.count) * BarChart.thick + BarChart.gap }
    var height: Double { BarChart.head + Double(groups.count) * groupHeight + 40 }

    func draw(_ canvas: inout Canvas, top: Double) {
        let values = groups.flatMap { $0.figures.compactMap { $0 } }.flatMap { [$0.low, $0.high] }.filter { $0 > 0 }
        guard let least = values.min(), let most = values.max() else { return }
        let (low, high) = (log10(least).rounded(.down), max(log10(most).rounded(.up), log10(least).rounded(.down) + 1))
        func x(_ value: Double) -> Double {
            let place = (log10(max(value, 1e-9)) - low) / (high - low)
            return BarChart.left + min(max(place, 0), 1) * (BarChart.right - BarChart.left)
        }
        let bottom = top + BarChart.head + Double(groups.count) * groupHeight
        canvas.legend(BarChart.left, top + 16, series)
        for power in Int(low)...Int(high) {
            let value = pow(10, Double(power))
            canvas.line([(x(value), top + BarChart.head - 8), (x(value), bottom)], grid)
            canvas.text(x(value), bottom + 14, short(value), .middle)
        }
        canvas.text((BarChart.left + BarChart.right) / 2, bottom + 30, unit, .middle)
        for (index, group) in groups.enumerated() {
            let begin = top + BarChart.head + Double(index) * groupHeight
            canvas.text(BarChart.left - 10, begin + Double(series.count) * BarChart.thick / 2 + 4, group.name, .end)
            for (number, figure) in group.figures.enumerated() {
                let y = begin + Double(number) * BarChart.thick
                guard let figure else {
                    canvas.text(BarChart.left + 4, y + 9, "-", size: 10)
                    continue
                }
                let length = max(1, x(figure.median) - BarChart.left)
                canvas.box(BarChart.left, y, length, BarChart.thick - 1, series[number].colour)
                canvas.line([(x(figure.low), y + 5), (x(figure.high), y + 5)], ink)
                canvas.text(max(x(figure.median), x(figure.high)) + 5, y + 9, short(figure.median), size: 10)
            }
        }
    }
}

/// A curve for each of the series, over steps of the same width.
struct CurveChart: Chart {
    private let unit: String
    private let axis: String
    private let series: [(name: String, colour: String)]
    private let title: String
    private var steps: [(value: Int, figures: [Figure?])] = []

    let height = 330.0
    private static let (left, width, head, foot) = (90.0, 690.0, 50.0, 50.0)

    init(unit: String, axis: String, series: [(name: String, colour: String)], title: String) {
        self.unit = unit
        self.axis = axis
        self.series = series
        self.title = title
    }

    mutating func add(_ value: Int, _ figures: [Figure?]) { steps.append((value, figures)) }

    /// 1, 2 or 5 with zeroes.
    private static func ceiling(_ value: Double) -> Double {
        let unit = pow(10, log10(value).rounded(.down))
        return [1, 2, 5, 10].first { $0 * unit >= value }.map { $0 * unit } ?? value
    }

    func draw(_ canvas: inout Canvas, top: Double) {
        let values = steps.flatMap { $0.figures.compactMap { $0?.high } }
        guard let highest = values.max(), highest > 0 else { return }
        let most = CurveChart.ceiling(highest)
        let (begin, bottom) = (top + CurveChart.head, top + height - CurveChart.foot)
        let right = CurveChart.left + CurveChart.width
        func x(_ step: Int) -> Double {
            CurveChart.left + Double(step) / Double(max(1, steps.count - 1)) * CurveChart.width
        }
        func y(_ value: Double) -> Double { bottom - value / most * (bottom - begin) }
        canvas.text(16, top + 20, "\(title), \(unit)", isBold: true)
        canvas.legend(CurveChart.left, top + 40, series)
        for quarter in 0...4 {
            let value = most * Double(quarter) / 4
            canvas.line([(CurveChart.left, y(value)), (right, y(value))], grid)
            canvas.text(CurveChart.left - 8, y(value) + 4, short(value), .end)
        }
        for (index, step) in steps.enumerated() { canvas.text(x(index), bottom + 18, "\(step.value)", .middle) }
        canvas.text((CurveChart.left + right) / 2, bottom + 36, axis, .middle)
        for (number, name) in series.enumerated() {
            let points = steps.enumerated().compactMap { index, step in
                step.figures[number].map { (x: x(index), figure: $0) }
            }
            canvas.line(points.map { ($0.x, y($0.figure.median)) }, name.colour, width: 2)
            for (x, figure) in points {
                canvas.line([(x, y(figure.low)), (x, y(figure.high))], name.colour)
                canvas.dot(x, y(figure.median), name.colour)
            }
        }
    }
}

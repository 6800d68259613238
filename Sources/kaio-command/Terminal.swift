// What a person sees: text on stdout or stderr, in colour where that is wanted, and tables.
//
// Invariant: escape sequences go to terminals only, and never where NO_COLOR is set or TERM is dumb.

import CKernel
import Glibc

/// One of the two streams.
struct Terminal: Sendable {
    let file: CInt
    /// Whether a person looks at it: lines may be replaced, a progress bar makes sense.
    let isInteractive: Bool
    let hasColor: Bool

    static let output = Terminal(STDOUT_FILENO)
    static let error = Terminal(STDERR_FILENO)

    private init(_ file: CInt) {
        self.file = file
        let isDumb = (environmentVariable("TERM") ?? "dumb") == "dumb"
        isInteractive = isatty(file) == 1 && !isDumb
        hasColor = isInteractive && environmentVariable("NO_COLOR") == nil
    }

    /// Columns; 80 where nobody knows. It may change at any time.
    var width: Int {
        var size = winsize()
        if ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environmentVariable("COLUMNS").flatMap { Int($0) } ?? 80
    }

    enum Style: Int {
        case bold = 1
        case dim = 2
        case red = 31
        case green = 32
        case yellow = 33
    }

    func styled(_ text: String, _ style: Style) -> String {
        hasColor && !text.isEmpty ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    /// Names of files, programs and processes may be anything: without what a terminal would take for orders, but for this
    /// command's own styles.
    func say(_ text: String) { write(cleaned(text) + "\n", to: file) }

    func cleaned(_ text: String) -> String {
        let pieces = hasColor ? text.pieces(between: "\u{1b}[") : [text[...]]
        var result = ""
        for (number, piece) in pieces.enumerated() {
            let isStyle = number > 0 && piece.drop { $0.isASCII && $0.isNumber }.hasPrefix("m")
            if number > 0 { result += isStyle ? "\u{1b}[" : "?[" }
            let lines = piece.split(separator: "\n", omittingEmptySubsequences: false)
            result += lines.map { printable(String($0)) }.joined(separator: "\n")
        }
        return result
    }
}

/// One line on stderr; the command goes on.
func warn(_ text: String) {
    Terminal.error.say("kaio: \(Terminal.error.styled("warning:", .yellow)) \(text)")
}

/// One line on stderr, before the command ends with a code that says the same.
func complain(_ text: String) {
    Terminal.error.say("kaio: \(Terminal.error.styled("error:", .red)) \(text)")
}

/// Columns of text. All but the last are as wide as their widest cell; the last is broken into lines.
struct Table {
    enum Alignment { case left, right }

    struct Cell: ExpressibleByStringInterpolation {
        let text: String
        let style: Terminal.Style?

        init(_ text: String, _ style: Terminal.Style? = nil) {
            self.text = text
            self.style = style
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    private let alignments: [Alignment]
    private var rows: [[Cell]] = []
    /// Between two columns.
    private static let gap = "  "

    init(_ alignments: [Alignment]) { self.alignments = alignments }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// Lines without their ends. `indentation` goes in front of each.
    func lines(for terminal: Terminal, indentation: String = "") -> [String] {
        let last = alignments.count - 1
        let widths = alignments.indices.map { column in
            rows.reduce(0) { max($0, column < $1.count ? $1[column].text.count : 0) }
        }
        let before = indentation.count + widths[..<last].reduce(0) { $0 + $1 + Table.gap.count }
        // Into a pipe or a file nothing is broken: programs take it line by line.
        let room = terminal.isInteractive ? max(terminal.width - before, 30) : Int.max
        var lines: [String] = []
        for row in rows {
            var line = indentation
            for column in 0..<last {
                let cell = column < row.count ? row[column] : ""
                line += padded(cell, widths[column], alignments[column], terminal) + Table.gap
            }
            let cell = row.count > last ? row[last] : ""
            for (index, part) in Table.broken(cell.text, room).enumerated() {
                let front = index == 0 ? line : String(repeating: " ", count: before)
                let width = alignments[last] == .right ? widths[last] : 0
                let back = padded(Cell(part, cell.style), width, .right, terminal)
                lines.append(front + back)
            }
        }
        return lines.map(Table.withoutTrailingBlanks)
    }

    private func padded(_ cell: Cell, _ width: Int, _ alignment: Alignment, _ terminal: Terminal) -> String {
        let text = cell.style.map { terminal.styled(cell.text, $0) } ?? cell.text
        let blanks = String(repeating: " ", count: max(width - cell.text.count, 0))
        return alignment == .left ? text + blanks : blanks + text
    }

    private static func withoutTrailingBlanks(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }

    /// At blanks, into parts of at most so many characters; a longer word stays whole.
    static func broken(_ text: String, _ room: Int) -> [String] {
        var parts = [""]
        for word in text.split(separator: " ") {
            if parts[parts.count - 1].isEmpty {
                parts[parts.count - 1] += word
            } else if parts[parts.count - 1].count + 1 + word.count <= room {
                parts[parts.count - 1] += " " + word
            } else {
                parts.append(String(word))
            }
        }
        return parts
    }
}

/// Numbers as a person reads them.
enum Format {
    /// 16777216 as 16,777,216.
    static func count(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(abs(number)).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// 16777216 as 16.0 MiB.
    static func bytes(_ number: Int) -> String {
        if number < 1024 { return "\(number) B" }
        var value = Double(number)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        while value >= 1023.95, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return fixed(value, 1) + " " + units[unit]
    }

    /// With so many digits behind the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e15 else { return String(value) }
        let whole = Int(scaled) / Int(scale)
        let rest = String(Int(scaled) % Int(scale))
        let sign = value < 0 && scaled > 0 ? "-" : ""
        if digits == 0 { return "\(sign)\(whole)" }
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }
}

// The C library in Swift's words: error texts, the environment, files. Nothing here knows of kaio.

import CKernel
import Glibc

/// What went wrong, in words for a person, and the code that the command ends with.
struct Failure: Error {
    let message: String
    var code: CInt = 2
}

/// The text of an errno.
func errorText(_ error: CInt) -> String { String(cString: strerror(error)) }

/// A variable of the environment; nil if it is not set, or set to nothing.
func environmentVariable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}

/// Each as NAME=VALUE.
var environmentEntries: [String] {
    var entries: [String] = []
    var entry = ck_environment()
    while let variable = entry?.pointee {
        entries.append(String(cString: variable))
        entry = entry.map { $0 + 1 }
    }
    return entries
}

/// A system call that the C library has no function for, or one with a variable number of arguments: its result, or a
/// negated errno.
func systemCall(
    _ number: CInt, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
) -> Int {
    ck_syscall(Int(number), a, b, c, d, e, f)
}

func address(_ pointer: UnsafeRawPointer) -> Int { Int(bitPattern: pointer) }

enum Clock {
    /// Nanoseconds of a clock that nobody sets.
    static var now: Int { read(CLOCK_MONOTONIC) }
    /// Of processor time, of all threads of this process.
    static var processor: Int { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

enum Path {
    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// From the root, as the name is written: links stay, and the file need not be there.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        let front = String(cString: directory)
        return front == "/" ? "/" + path : front + "/" + path
    }

    /// Without links and dots; nil if there is no such file.
    static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Of the files in a directory, in order.
    static func names(in path: String) -> [String] {
        opendir(path).map { names(of: $0) } ?? []
    }

    /// Closes it.
    static func names(of directory: OpaquePointer) -> [String] {
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Of this command.
    static let executable = real("/proc/self/exe") ?? CommandLine.arguments[0]
}

/// The whole of a file, or nil with errno set. Files of /proc, which have no size, are read as well; a FIFO is not waited for.
func contents(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if file < 0 { return nil }
    defer { close(file) }
    return contents(of: file)
}

/// Nil, with errno EFBIG, too if it is larger than `most`.
func contents(of file: CInt, most: Int = .max) -> [UInt8]? {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(file, &part, part.count)
        if count < 0, errno == EINTR { continue }
        if count < 0 { return nil }
        if count == 0 { return bytes }
        bytes += part[..<count]
        if bytes.count > most {
            errno = EFBIG
            return nil
        }
    }
}

extension Int {
    /// The sum, or what is next to it where that is beyond an Int: of numbers from files nothing is sure.
    static func saturatingSum(_ numbers: some Sequence<Int>) -> Int {
        numbers.reduce(0) { sum, number in
            let (result, overflow) = sum.addingReportingOverflow(number)
            return overflow ? (number < 0 ? .min : .max) : result
        }
    }
}

/// A small text file, without the blanks and the line's end behind it.
func text(of path: String) -> String? {
    guard var bytes = contents(of: path) else { return nil }
    while let last = bytes.last, last == 0x20 || last == 0x0a { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
}

/// Without what a terminal would take for orders.
func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        let isControl = scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        result.unicodeScalars.append(isControl ? "?" : scalar)
    }
    return result
}

/// What a process calls itself, which may be anything.
func programName(of process: pid_t) -> String { text(of: "/proc/\(process)/comm").map(printable) ?? "?" }

/// Writes all of it; false, with errno set, if that can't be.
@discardableResult
func write(_ text: String, to file: CInt) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        if count < 0 { return false }
        rest = rest.dropFirst(count)
    }
    return true
}

// What `replacing`, `contains` and `split` do with a text would link the whole of Swift's regular expressions, 1.7 MB.
extension StringProtocol {
    /// Where a part of it begins.
    func position(of part: String) -> Index? {
        indices.first { self[$0...].hasPrefix(part) }
    }

    func pieces(between separator: String) -> [SubSequence] {
        var (result, rest) = ([SubSequence](), self[...])
        while let next = rest.position(of: separator) {
            result.append(rest[..<next])
            rest = rest[next...].dropFirst(separator.count)
        }
        return result + [rest]
    }

    func substituting(_ replacement: String, for part: String) -> String {
        pieces(between: part).joined(separator: replacement)
    }
}

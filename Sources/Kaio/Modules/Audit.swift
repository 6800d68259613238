// What full_audit, time_audit and stats have in common: the names of operations, the path behind a descriptor, the
// line about a request, and parameters that are one word, or some words, of a few.

import CKernel
import Synchronization

extension Operation {
    /// In the order of the raw values.
    static let names: StaticString = "read write fsync fdatasync"

    var name: StaticString {
        switch self {
        case .read: return "read"
        case .write: return "write"
        case .synchronize: return "fsync"
        case .synchronizeData: return "fdatasync"
        case .list: return "list"
        case .work: return "work"
        }
    }
}

extension Descriptor {
    /// Passes the name under which this thread finds what is open, as a C string.
    func withLink<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { name in
            var line = Line(name.baseAddress!, capacity: name.count - 1)
            // Not /proc/self: that is the first thread, which may have ended.
            line.add("/proc/thread-self/fd/")
            line.add(Int(number))
            name[line.count] = 0
            return body(name.baseAddress!)
        }
    }

    /// Stores the path of the descriptor's file, as /proc/thread-self/fd has it: "pipe:[4711]" for what has none, and with
    /// " (deleted)" behind it where the name is gone. Returns the number of bytes, of which those that do not fit are
    /// cut off; nil if the descriptor is not open, or there is no /proc.
    func path(into buffer: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int? {
        let result = withLink { systemCall(SYS_readlinkat, Int(AT_FDCWD), address($0), address(buffer), capacity) }
        return result < 0 ? nil : result
    }

    /// The kernel gives no longer one.
    static let longestPath = 4096
}

/// A request that is over, as a line of a log has it.
struct Record {
    let outcome: Outcome
    /// Nil where it could not be found out.
    let path: Text?
    let nanoseconds: Int64

    /// More bytes than this the line can't have.
    var mostBytes: Int { 320 + (path?.count ?? 0) * Line.quotedByte }

    func add(to line: inout Line, isJSON: Bool, isSlow: Bool) {
        if isJSON { addJSON(to: &line, isSlow) } else { addText(to: &line, isSlow) }
    }

    private func addText(to line: inout Line, _ isSlow: Bool) {
        line.add(WallTime())
        if isSlow { line.add(" slow") }
        line.add(" ")
        line.add(outcome.operation.name)
        line.add(" ")
        if let path { line.add(quoted: path) } else { line.add("-") }
        line.add(" offset=")
        line.add(outcome.offset)
        line.add(" length=")
        line.add(outcome.length)
        line.add(" result=")
        addResult(to: &line)
        line.add(" us=")
        line.add(Int(nanoseconds / 1000))
    }

    private func addJSON(to line: inout Line, _ isSlow: Bool) {
        line.add("{\"time\":\"")
        line.add(WallTime())
        line.add(isSlow ? "\",\"slow\":true,\"operation\":\"" : "\",\"operation\":\"")
        line.add(outcome.operation.name)
        line.add("\",\"path\":")
        if let path { line.add(json: path) } else { line.add("null") }
        line.add(",\"offset\":")
        line.add(outcome.offset)
        line.add(",\"length\":")
        line.add(outcome.length)
        line.add(",\"result\":")
        if outcome.isFailure {
            line.add("-1,\"error\":\"")
            addResult(to: &line)
            line.add("\"")
        } else {
            addResult(to: &line)
        }
        line.add(",\"us\":")
        line.add(Int(nanoseconds / 1000))
        line.add("}")
    }

    /// The bytes, or the error's name.
    private func addResult(to line: inout Line) {
        let result = outcome.result
        if outcome.isFailure, let name = ErrorName.of(-result) { line.add(name) } else { line.add(result) }
    }
}

/// The log that a module's parameters `to`, `format` and `buffer` ask for. It is there when the module is connected.
struct AuditLog {
    let isJSON: Bool
    private let owner: StaticString
    private let destination: Text
    private let size: Int
    private var log: Log?

    private static let standardSize = 1 << 20
    private static let sizes = 64 << 10...1 << 30

    init(of module: StaticString, _ parameters: Parameters) {
        owner = module
        isJSON = parameters.choice(module, "format", among: "text json") == 1
        size = parameters.size(module, "buffer", default: AuditLog.standardSize, in: AuditLog.sizes)
        destination = parameters.text(module, "to") ?? Text("stderr" as StaticString)
    }

    /// The module's `connect`: opens it, once, and connects those below. 0, or ENOMEM, which is said on stderr, or what
    /// they say.
    mutating func connect(_ service: Text, below: Place) -> CInt {
        if log == nil { log = Log.open(destination, isJSON: isJSON, size: size, owner: owner) }
        // First, as it needs not be undone where the others refuse.
        if log != nil { return below.connect(service) }
        sayNoMemory(for: owner)
        return ENOMEM
    }

    func add(_ record: Record, isSlow: Bool, mayCreateThreads: Bool) {
        log.unsafelyUnwrapped.add(record.mostBytes, mayCreateThreads: mayCreateThreads) { line in
            record.add(to: &line, isJSON: isJSON, isSlow: isSlow)
        }
    }
}

/// A module that can't be had: the stack is not used.
func sayNoMemory(for module: StaticString) {
    var message = Message()
    message.add("kaio: ")
    message.add(module)
    message.add(": no memory")
    message.show()
}

// MARK: parameters

extension Parameters {
    /// Which of some words the value is, by number; the first one if it is not set, or none of them.
    func choice(_ module: StaticString, _ name: StaticString, among words: StaticString) -> Int {
        guard let value = text(module, name) else { return 0 }
        if let number = Text(words).number(ofWord: value) { return number }
        complain(module, name) {
            $0.add("one of: ")
            $0.add(words)
        }
        return 0
    }

    /// Which of some words are in the value, one bit for each; all if it is not set, or one is none of them.
    func choices(_ module: StaticString, _ name: StaticString, among words: StaticString) -> UInt8 {
        guard let value = text(module, name) else { return .max }
        var rest = value
        var chosen: UInt8 = 0
        while let word = rest.takeWord() {
            guard let number = Text(words).number(ofWord: word) else {
                complain(module, name) {
                    $0.add("some of: ")
                    $0.add(words)
                }
                return .max
            }
            chosen |= 1 << UInt8(number)
        }
        return chosen
    }
}

extension Text {
    fileprivate func number(ofWord wanted: Text) -> Int? {
        var rest = self
        var number = 0
        while let word = rest.takeWord() {
            if word == wanted { return number }
            number += 1
        }
        return nil
    }
}

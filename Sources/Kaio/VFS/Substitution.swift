// What stands for something else in the values of the configuration: %p is the process id (in the parameters of modules
// it is left to the module that uses it, since the child of a fork has another; so is %f, a file's name), %u the user's name (the
// number, if /etc/passwd has none), %h the host's name, %% a percent sign. So is a percent sign that no letter follows,
// as in 10%.

import CKernel

enum Substitution {
    static let known: StaticString = "%p (process id), %u (user), %h (host) and %%"

    enum Outcome {
        case text(Text)
        /// It has an unknown one: the percent sign and what follows.
        case unknown(Text)
        case noMemory
    }

    /// What one of them may stand for is cut off behind so many bytes.
    private static let longest = 256

    /// A copy, with a zero behind it, in which everything is replaced; but %p only if `process` says so.
    static func expand(_ value: Text, process: Bool = true, _ memory: inout Arena) -> Outcome {
        var room = value.count + 1
        for index in 0..<value.count where value[index] == UInt8(ascii: "%") { room += longest }
        guard let bytes = memory.allocate(UInt8.self, count: room) else { return .noMemory }
        var count = 0
        var index = 0
        var user: Text?
        while index < value.count {
            if value[index] != UInt8(ascii: "%") {
                bytes[count] = value[index]
                count += 1
                index += 1
                continue
            }
            let letter = index + 1 < value.count ? value[index + 1] : 0
            switch letter {
            case UInt8(ascii: "p") where !process: count += put(Text("%p"), bytes + count)
            case UInt8(ascii: "f") where !process: count += put(Text("%f"), bytes + count)
            case UInt8(ascii: "p"): count += put(number: systemCall(SYS_getpid), bytes + count)
            case UInt8(ascii: "u"):
                // Looked up once for a value.
                let length = user.map { put($0, bytes + count) } ?? putUser(bytes + count)
                user = Text(bytes + count, count: length)
                count += length
            case UInt8(ascii: "h"): count += putHost(bytes + count)
            case UInt8(ascii: "%"): count += put(Text("%"), bytes + count)
            default:
                if (0x61...0x7a).contains(letter | 0x20) { return .unknown(value.dropFirst(index).prefix(2)) }
                bytes[count] = value[index]
                count += 1
                index -= 1
            }
            index += 2
        }
        bytes[count] = 0
        return .text(Text(bytes, count: count))
    }

    private static func put(_ text: Text, _ bytes: UnsafeMutablePointer<UInt8>) -> Int {
        let count = min(text.count, longest)
        memcpy(bytes, text.start, count)
        return count
    }

    private static func put(number: Int, _ bytes: UnsafeMutablePointer<UInt8>) -> Int {
        var message = Message()
        message.add(number)
        return message.terminated().map { put(Text($0), bytes) } ?? 0
    }

    /// The C library's own look-up (getpwuid) may load modules and open sockets, which a program that only reads a
    /// file should not get.
    private static func putUser(_ bytes: UnsafeMutablePointer<UInt8>) -> Int {
        let user = systemCall(SYS_geteuid)
        guard case .text(let users) = FileContents.read(Text("/etc/passwd"), isGuarded: false) else {
            return put(number: user, bytes)
        }
        defer { users.unmap() }
        var rest = users.text
        while !rest.isEmpty {
            var line = rest.takeField(UInt8(ascii: "\n"))
            let name = line.takeField(UInt8(ascii: ":"))
            _ = line.takeField(UInt8(ascii: ":"))
            if !name.isEmpty, line.takeField(UInt8(ascii: ":")).number == user { return put(name, bytes) }
        }
        return put(number: user, bytes)
    }

    private static func putHost(_ bytes: UnsafeMutablePointer<UInt8>) -> Int {
        var names = utsname()
        guard withUnsafeMutablePointer(to: &names, { systemCall(SYS_uname, address($0)) }) == 0 else { return 0 }
        return withUnsafeBytes(of: &names.nodename) {
            put(Text($0.baseAddress!.assumingMemoryBound(to: CChar.self)), bytes)
        }
    }
}

extension Text {
    /// Takes what stands before the next `end` off the front, and that with it.
    fileprivate mutating func takeField(_ end: UInt8) -> Text {
        let field = prefix(firstIndex(of: end) ?? count)
        self = dropFirst(field.count + 1)
        return field
    }
}

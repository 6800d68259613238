// The way to a directory that a person named, followed a name at a time, each in a directory that is open: who else could put
// another in its place? docs/trust.md says who others are.

import CKernel
import Glibc

struct Way {
    /// The directory at its end, by its name only (O_PATH).
    private(set) var directory: CInt
    /// Others can write to that directory; if it is sticky they can't touch there what is ours.
    private(set) var isShared = false
    private(set) var isSticky = false
    /// Others can put another in its place.
    private(set) var isReplaceable = false

    private let trusted: [uid_t]

    private static let byName: CInt = 0o10_000_000 | O_CLOEXEC
    private static let mostLinks = 40

    /// Nil, with errno; EPERM where a link may be another's.
    init?(to path: String) {
        directory = open("/", Way.byName)
        var facts = stat()
        guard directory >= 0, fstat(directory, &facts) == 0 else { return nil }
        trusted = [0, geteuid()] + (Way.hasNoNumber(facts.st_uid) ? [facts.st_uid] : [])
        guard path.hasPrefix("/") || enter(open(".", Way.byName)), look() else { return nil }
        var names = path.split(separator: "/")[...]
        var links = 0
        while let name = names.popFirst() {
            let next = openat(directory, String(name), Way.byName | O_NOFOLLOW)
            guard next >= 0, fstat(next, &facts) == 0 else { return nil }
            guard facts.st_mode & S_IFMT == S_IFLNK else {
                if isShared, !isSticky { isReplaceable = true }
                guard enter(next), look() else { return nil }
                continue
            }
            defer { close(next) }
            links += 1
            let isOthers = isShared && !(isSticky && trusted.contains(facts.st_uid)) || isReplaceable
            guard !isOthers, links < Way.mostLinks, let target = Way.target(of: next) else {
                errno = isOthers ? EPERM : ELOOP
                return nil
            }
            if target.hasPrefix("/") { guard enter(open("/", Way.byName)), look() else { return nil } }
            names = target.split(separator: "/")[...] + names
        }
    }

    private mutating func enter(_ next: CInt) -> Bool {
        if next < 0 { return false }
        close(directory)
        directory = next
        return true
    }

    private mutating func look() -> Bool {
        var facts = stat()
        guard fstat(directory, &facts) == 0 else { return false }
        let isOurs = trusted.contains(facts.st_uid)
        isShared = !isOurs || facts.st_mode & 0o022 != 0
        isSticky = isOurs && facts.st_mode & S_ISVTX != 0
        return true
    }

    private static func target(of link: CInt) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes {
            readlinkat(link, "", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    /// Whether it stands for all those who have none in this user namespace, such as root outside.
    private static func hasNoNumber(_ user: uid_t) -> Bool {
        guard let map = text(of: "/proc/self/uid_map") else { return false }
        return !map.split(separator: "\n").contains { line in
            let words = line.split(separator: " ").compactMap { Int($0) }
            return words.count == 3 && Int(user) >= words[0] && Int(user) - words[0] < words[2]
        }
    }
}

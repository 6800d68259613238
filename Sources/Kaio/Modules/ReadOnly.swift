// readonly: writes and aio_fsync fail with EROFS, always or at certain times of day.
//
//     vfs objects = readonly ordered aio_linux aio_poll aio_pthread
//     readonly:period = 09:00-17:00 22:30-06:00
//
// The times are local ones. The C library's conversion takes a lock and may allocate, so the module asks it at its
// start only, and writes down when the local time will change against UTC (summer time begins or ends) for the
// coming years. So a change takes effect to the second, without a lock, and in a signal handler and the child of a
// fork too.
//
// Invariant: nothing changes after `init`.

import CKernel

final class ReadOnly: Module {
    static let parameters: StaticString = "period"

    let name: StaticString = "readonly"
    private let position: Int
    private let periods: UnsafeMutablePointer<Period>
    private let count: Int
    private let localTime: LocalTime?

    init?(position: Int, parameters: Parameters) {
        self.position = position
        var words = parameters.text("readonly", "period") ?? Text("")
        periods = .allocate(capacity: words.count + 1)
        var count = 0
        var isGood = true
        while let word = words.takeWord() {
            guard let period = Period(word) else {
                parameters.complain(
                    "readonly", "period", word, "not a period of the day, such as 09:00-17:00 or 22:30-06:00")
                isGood = false
                break
            }
            (periods + count).initialize(to: period)
            count += 1
        }
        self.count = count
        localTime = count > 0 ? LocalTime(from: ReadOnly.now) : nil
        // Not before all is set: Embedded Swift would not free what is half made.
        if !isGood { return nil }
    }

    deinit {
        periods.deallocate()
        localTime?.free()
    }

    func passage(of operation: Operation) -> Passage { operation == .read ? .passesThrough : .intercepts }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        guard isReadOnly(at: ReadOnly.now) else { return turn.handOn(&requests, below: position) }
        var reads = RequestQueue()
        while let request = requests.popFirst() {
            if request.operation == .read {
                reads.append(request)
            } else {
                turn.complete(request, -Int(EROFS))
            }
        }
        turn.handOn(&reads, below: position)
    }

    /// - Parameter time: seconds since 1970, UTC.
    func isReadOnly(at time: Int) -> Bool {
        guard let localTime else { return true }
        let second = localTime.secondOfDay(at: time)
        for index in 0..<count where periods[index].contains(second) { return true }
        return false
    }

    private static var now: Int { Int(timespec(of: CLOCK_REALTIME_COARSE).tv_sec) }
}

/// A part of each day: from its first second up to, not including, its last; over midnight where that is earlier.
struct Period {
    let start: Int
    let end: Int

    /// HH:MM-HH:MM, up to 24:00.
    init?(_ text: Text) {
        guard let dash = text.firstIndex(of: 0x2d), let start = Period.second(text.prefix(dash)),
            let end = Period.second(text.dropFirst(dash + 1)), start != end
        else { return nil }
        self.start = start
        self.end = end
    }

    func contains(_ second: Int) -> Bool {
        start < end ? second >= start && second < end : second >= start || second < end
    }

    private static func second(_ text: Text) -> Int? {
        guard let colon = text.firstIndex(of: 0x3a), colon <= 2, text.count - colon == 3,
            let hour = text.prefix(colon).number, let minute = text.dropFirst(colon + 1).number, minute < 60,
            hour < 24 || hour == 24 && minute == 0
        else { return nil }
        return hour * 3600 + minute * 60
    }
}

/// How far the local time is from UTC, now and in the years to come.
struct LocalTime {
    private struct Change {
        let time: Int
        let offset: Int
    }

    /// In order; the first is the present.
    private let changes: UnsafeMutablePointer<Change>
    private let count: Int

    private static let mostChanges = 64
    private static let years = 25
    /// No two changes are closer to each other: the shortest known summer times are of some weeks.
    private static let step = 7 * 86400

    /// Asks the C library, some thousand times. May lock and allocate.
    init(from start: Int) {
        changes = .allocate(capacity: LocalTime.mostChanges)
        var offset = LocalTime.offset(at: start)
        changes.initialize(to: Change(time: start, offset: offset))
        var count = 1
        var time = start
        while time < start + LocalTime.years * 366 * 86400, count < LocalTime.mostChanges {
            let next = time + LocalTime.step
            let nextOffset = LocalTime.offset(at: next)
            if nextOffset != offset {
                // Between the two there is one second with which the new one begins.
                var before = time
                var after = next
                while after - before > 1 {
                    let middle = (before + after) / 2
                    if LocalTime.offset(at: middle) == offset { before = middle } else { after = middle }
                }
                (changes + count).initialize(to: Change(time: after, offset: nextOffset))
                count += 1
                offset = nextOffset
            }
            time = next
        }
        self.count = count
    }

    func free() { changes.deallocate() }

    func secondOfDay(at time: Int) -> Int {
        var current = 0
        while current + 1 < count, changes[current + 1].time <= time { current += 1 }
        let second = (time + changes[current].offset) % 86400
        return second < 0 ? second + 86400 : second
    }

    /// Seconds east of UTC.
    private static func offset(at time: Int) -> Int {
        var time = time
        var local = tm()
        return localtime_r(&time, &local) == nil ? 0 : Int(local.tm_gmtoff)
    }
}

extension ReadOnly {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "readonly", parameters: parameters, make: { ReadOnly(position: $0, parameters: $1) })
    }
}

import CKernel
import Synchronization
import Testing

@testable import Kaio

/// A module that only waits for what `Timers` gives back, and completes it.
private final class Keeper: Module {
    let name: StaticString = "keeper"
    private let lock = Lock()
    private var entries: [(request: Request, time: Instant)] = []

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {}

    func expired(_ request: Request, _ turn: inout Turn) {
        lock.locked { entries.append((request, .now)) }
        turn.complete(request, 7)
    }

    var back: [(request: Request, time: Instant)] { lock.locked { entries } }
    var count: Int { lock.locked { entries.count } }
}

private func add(_ request: Request, in interval: Int64, for position: Int = 0) -> Instant {
    let time = Instant.now.advanced(by: interval)
    check(add(request, at: time, for: position))
    return time
}

private func add(_ request: Request, at time: Instant, for position: Int = 0) -> Bool {
    let mask = SignalMask.blockAll()
    defer { mask.restore() }
    return Timers.add(request, at: time, for: position)
}

private func withdraw(_ request: RequestIdentity, position: Int = 0) -> Bool {
    let mask = SignalMask.blockAll()
    defer { mask.restore() }
    return Timers.withdraw(request, position: position)
}

@Suite struct `A timer` {
    @Test func `gives each request back at its time, never early, and to the module at its position`() async {
        await #expect(processExitsWith: .success) {
            let (upper, lower) = (Keeper(), Keeper())
            useStack([upper, lower])
            var times: [(Request, Instant)] = []
            // Not from each one's own now: making them may take long.
            let start = Instant.now
            func add(_ request: Request, at milliseconds: Int, for position: Int) -> Instant {
                let time = start.advanced(by: Int64(milliseconds) * 1_000_000)
                check(KaioTests.add(request, at: time, for: position))
                return time
            }
            for index in 0..<20 {
                let request = makeRequest()
                times.append((request, add(request, at: 50 + (20 - index) * 5, for: index % 2)))
            }
            check(Timers.next, is: times[19].1)
            check(eventually { upper.count + lower.count == 20 })
            for (keeper, odd) in [(upper, 0), (lower, 1)] {
                let back = keeper.back
                check(back.count, is: 10)
                for (number, entry) in back.enumerated() {
                    let expected = times[19 - number * 2 - (1 - odd)]
                    check(entry.request, is: expected.0)
                    check(entry.time >= expected.1)
                    check(entry.time < expected.1.advanced(by: 1_000_000_000))
                }
            }
            check(eventually { Timers.next == .never })
        }
    }

    @Test func `gives back those of one time in the order in which they came, also what is overdue`() async {
        await #expect(processExitsWith: .success) {
            let keeper = Keeper()
            useStack([keeper])
            let requests = (0..<500).map { _ in makeRequest() }
            let time = Instant.now.advanced(by: 30_000_000)
            for request in requests { check(add(request, at: time)) }
            check(eventually { keeper.count == 500 })
            check(keeper.back.map(\.request) == requests)
            check(add(makeRequest(), at: Instant(nanoseconds: 0)))
            check(add(makeRequest(), at: Instant(nanoseconds: -5)))
            check(eventually { keeper.count == 502 })
        }
    }

    @Test func `keeps 60,000 in order, whatever is withdrawn in between`() async {
        await #expect(processExitsWith: .success) {
            let keeper = Keeper()
            useStack([keeper])
            let count = isUnderThreadSanitizer ? 6000 : 60_000
            var random = SystemRandomNumberGenerator()
            var times: [Int: Int64] = [:]
            let requests = (0..<count).map { _ in makeRequest() }
            // None may be due before all are there, on a busy machine either: so long does a twentieth of them take.
            let began = Instant.now.nanoseconds
            for request in requests[..<(count / 20)] {
                check(add(request, at: Instant(nanoseconds: .max - 1)))
                check(withdraw(request.identity))
            }
            let twentieth = Instant.now.nanoseconds - began
            let start = Instant.now.advanced(by: max(3_000_000_000, 200 * twentieth))
            for (index, request) in requests.enumerated() {
                // Many have the same time.
                let time = start.advanced(by: Int64(random.next() % 1000) * 1000)
                times[index] = time.nanoseconds
                check(add(request, at: time))
            }
            var left: [Int] = []
            for index in 0..<count {
                if index % 3 == 0 {
                    check(withdraw(requests[index].identity))
                    check(!withdraw(requests[index].identity))
                } else {
                    left.append(index)
                }
            }
            check(Instant.now < start)
            left.sort { (times[$0]!, $0) < (times[$1]!, $1) }
            while Instant.now < start { pause(milliseconds: 10) }
            check(eventually { keeper.count == left.count })
            check(keeper.back.map(\.request) == left.map { requests[$0] })
            // The last batch may be a full one, after which the timer is set once more.
            check(eventually { Timers.next == .never })
        }
    }

    @Test func `does not give a request away that is another by now, or another module's`() async {
        await #expect(processExitsWith: .success) {
            let keeper = Keeper()
            useStack([keeper, Keeper()])
            let request = makeRequest()
            let identity = request.identity
            _ = add(request, in: 60_000_000_000)
            check(request.state, is: .waiting)
            check(!withdraw(RequestIdentity(slot: identity.slot, sequence: identity.sequence + 1)))
            check(!withdraw(identity, position: 1))
            check(withdraw(identity))
            check(request.state, is: .held)
            check(Timers.next, is: .never)
            // An earlier one is what the timer is set to, and then the later one again.
            _ = add(request, in: 60_000_000_000)
            let other = makeRequest()
            let time = add(other, in: 50_000_000)
            check(Timers.next, is: time)
            check(eventually { keeper.count == 1 })
            check(keeper.back[0].request, is: other)
            check(eventually { Timers.next > time })
            check(Timers.next != .never)
        }
    }

    @Test func `loses and doubles nothing among threads`() async {
        await #expect(processExitsWith: .success) {
            let keeper = Keeper()
            useStack([keeper])
            let withdrawn = Atomic<Int>(0)
            concurrently(4) { number in
                for round in 0..<2000 {
                    let request = makeRequest()
                    let identity = request.identity
                    _ = add(request, in: Int64((round * 7 + number) % 5) * 200_000)
                    if round % 2 == 0, withdraw(identity) {
                        withdrawn.wrappingAdd(1, ordering: .relaxed)
                        submit([]) { $0.complete(request, 0) }
                    }
                }
            }
            let expected = 8000 - withdrawn.load(ordering: .relaxed)
            check(eventually { keeper.count >= expected })
            pause(milliseconds: 20)
            check(keeper.count, is: expected)
        }
    }
}

import CKaio
import CKernel
import Synchronization
import Testing

@testable import Kaio

/// A module that hands everything on, and writes down what it sees.
private final class Watcher: Module {
    let name: StaticString
    private let position: Int
    private(set) var seen: [Request] = []
    /// Whether it keeps the completions that it sees.
    var keeps = false
    /// How deep its calls are inside each other, and were at most.
    private var depth = 0
    private(set) var deepest = 0
    /// What it does when it sees a completion.
    var reaction: (Request, inout Turn) -> Void = { _, _ in }

    init(_ name: StaticString, _ position: Int) {
        self.name = name
        self.position = position
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var current = requests.first
        while let request = current {
            turn.observe(request, at: position)
            current = request.next
        }
        turn.handOn(&requests, below: position)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        depth += 1
        deepest = max(deepest, depth)
        defer { depth -= 1 }
        seen.append(request)
        reaction(request, &turn)
        return !keeps
    }
}

/// The lowest module: completes at once, or keeps requests for the test to complete.
private final class Bottom: Module {
    let name: StaticString = "bottom"
    var completesAtOnce = true
    private(set) var kept: [Request] = []

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        while let request = requests.popFirst() {
            if completesAtOnce { turn.complete(request, 7) } else { kept.append(request) }
        }
    }
}

@Suite struct `A turn` {
    @Test func `brings a completion up through those who watch, the lowest first`() async {
        await #expect(processExitsWith: .success) {
            let (top, middle, low) = (Watcher("top", 0), Watcher("middle", 1), Watcher("low", 2))
            useStack([top, middle, low, Bottom()])
            var order: [String] = []
            for watcher in [top, middle, low] {
                watcher.reaction = { request, _ in
                    order.append(String(Text(watcher.name)))
                    check(request.user!.isInProgress)
                }
            }
            let request = makeRequest()
            let user = request.user!
            submit([request])
            check(order, is: ["low", "middle", "top"])
            check(user.error, is: 0)
            check(user.takeResult(), is: 7)
        }
    }

    @Test func `publishes nothing before it ends`() async {
        await #expect(processExitsWith: .success) {
            useStack([Bottom()])
            let request = makeRequest()
            let user = request.user!
            submit([request]) { _ in check(user.isInProgress) }
            check(!user.isInProgress)
        }
    }

    @Test func `leaves a completion with the module that keeps it, and goes on from there`() async {
        await #expect(processExitsWith: .success) {
            let (top, middle, low) = (Watcher("top", 0), Watcher("middle", 1), Watcher("low", 2))
            useStack([top, middle, low, Bottom()])
            middle.keeps = true
            let request = makeRequest()
            let user = request.user!
            submit([request])
            check(low.seen == [request] && middle.seen == [request])
            check(top.seen.isEmpty)
            check(user.isInProgress)
            submit([]) { $0.complete(request, -Int(EIO)) }
            check(low.seen.count == 1 && middle.seen.count == 1)
            check(top.seen, is: [request])
            check(user.error, is: EIO)
        }
    }

    @Test func `does not show a completion to who does not watch`() async {
        await #expect(processExitsWith: .success) {
            let (upper, lower) = (Watcher("upper", 0), Watcher("lower", 1))
            let bottom = Bottom()
            useStack([upper, lower, bottom])
            let request = makeRequest()
            submit([]) { turn in turn.handOn(request, below: 0) }
            check(upper.seen.isEmpty)
            check(lower.seen, is: [request])
        }
    }

    @Test func `tells a request where it is`() async {
        await #expect(processExitsWith: .success) {
            let bottom = Bottom()
            bottom.completesAtOnce = false
            useStack([Watcher("top", 0), bottom])
            let requests = [makeRequest(), makeRequest()]
            submit(requests)
            check(bottom.kept, is: requests)
            check(requests.allSatisfy { $0.position == 1 })
            submit([]) { turn in for request in requests { turn.complete(request, 0) } }
            check(requests.allSatisfy { $0.sequence == 0 })
        }
    }

    @Test func `completes in the order in which requests were said to be complete`() async {
        await #expect(processExitsWith: .success) {
            let top = Watcher("top", 0)
            useStack([top, Bottom()])
            let requests = (0..<20).map { _ in makeRequest() }
            submit(requests)
            check(top.seen, is: requests)
        }
    }

    /// Each completion sets the next request off, which is complete at once.
    @Test func `takes no more stack for a chain of 10,000`() async {
        await #expect(processExitsWith: .success) {
            let top = Watcher("top", 0)
            useStack([top, Bottom()])
            let requests = (0..<10_000).map { _ in makeRequest() }
            var next = 1
            top.reaction = { _, turn in
                guard next < requests.count else { return }
                var one = RequestQueue()
                one.append(requests[next])
                next += 1
                turn.begin(&one)
            }
            concurrently(1, stackSize: 128 << 10) { _ in submit([requests[0]]) }
            check(top.seen, is: requests)
            check(top.deepest, is: 1)
        }
    }

    @Test func `creates threads only where no signal handler may be at work`() {
        #expect(Turn(.submitter).mayCreateThreads == true)
        #expect(Turn(.worker).mayCreateThreads == true)
        #expect(Turn(.reactor).mayCreateThreads == true)
        #expect(Turn(.caller).mayCreateThreads == false)
        #expect(Turn(.leader).mayCreateThreads == false)
    }
}

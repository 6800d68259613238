import Testing

@testable import Kaio

@Suite struct `A holding queue` {
    /// Holds requests of these priorities, and says in which order they come out, by their index.
    private func order(_ policy: HoldingQueue.Policy, _ priorities: [Int32]) -> [Int] {
        let queue = HoldingQueue(policy)
        defer { queue.free() }
        return withRequests(priorities.count) { requests in
            queue.locked {
                for (request, priority) in zip(requests, priorities) {
                    request.priority = priority
                    queue.hold(request)
                }
            }
            check(queue.count, is: requests.count)
            var order: [Int] = []
            while let request = queue.locked({ queue.takeNext() }) {
                order.append(requests.firstIndex(of: request)!)
                check(!request.isWaiting(at: 0))
                Exposure.end(request)
            }
            check(queue.isEmpty)
            return order
        }
    }

    @Test func `gives requests back by priority, and of one priority in order`() async {
        await #expect(processExitsWith: .success) {
            let suite = `A holding queue`()
            check(suite.order(.byPriority(), [20, 0, 7, 0, 20, 7]), is: [1, 3, 2, 5, 0, 4])
            check(suite.order(.inOrder, [20, 0, 7, 0, 20, 7]), is: [0, 1, 2, 3, 4, 5])
            check(suite.order(.byPriority(), []), is: [])
        }
    }

    @Test func `lets the oldest go after so many that overtook it`() async {
        await #expect(processExitsWith: .success) {
            let suite = `A holding queue`()
            let most = HoldingQueue.mostOvertakes
            // Two of low priority, an older and a younger one, among many of the highest.
            let order = suite.order(.byPriority(), [20, 19] + [Int32](repeating: 0, count: 3 * most))
            check(order.firstIndex(of: 0), is: most)
            check(order.firstIndex(of: 1), is: 2 * most + 1)
            // Not while it has not waited for long enough.
            let patient = suite.order(
                .byPriority(starve: 3_600_000_000_000), [20] + [Int32](repeating: 0, count: 3 * most))
            check(patient.last, is: 0)
        }
    }

    @Test func `takes back what it gave, before the others of its priority`() async {
        await #expect(processExitsWith: .success) {
            withRequests(5) { requests in
                let queue = HoldingQueue(.byPriority())
                for (index, request) in requests.enumerated() { request.priority = index < 2 ? 5 : 0 }
                var again = RequestQueue()
                queue.locked {
                    for request in requests { queue.hold(request) }
                    for _ in 0..<4 { again.append(queue.takeNext()!) }
                    check(queue.hold(&again, again: true), is: 4)
                }
                var order: [Int] = []
                while let request = queue.locked({ queue.takeNext() }) {
                    order.append(requests.firstIndex(of: request)!)
                    Exposure.end(request)
                }
                check(order, is: [2, 3, 4, 0, 1])
                queue.free()
            }
        }
    }

    @Test func `puts a request behind its file's, whatever their priorities, and before all others'`() async {
        await #expect(processExitsWith: .success) {
            for first in 0..<2 * HoldingQueue.mostOvertakes {
                // Of one file: a low write, many high ones, the fsync. Of the other: writes of the lowest priority, before and after.
                let many = 2 * HoldingQueue.mostOvertakes
                withRequests(many + 5) { requests in
                    let queue = HoldingQueue(.byPriority())
                    for (index, request) in requests.enumerated() {
                        let isOther = index == 0 || index == many + 2
                        request.file.inode = isOther ? 2 : 1
                        request.priority = isOther ? 20 : index == 1 ? 5 : 0
                    }
                    let (sync, foreign) = (requests[many + 3], requests[many + 4])
                    foreign.file.inode = 3
                    var order: [Request] = []
                    queue.locked {
                        check(!queue.hold(sync, behindItsFileOr: nil))
                        for request in requests.prefix(many + 3) { queue.hold(request) }
                        // Wherever the count of overtakes stands.
                        for _ in 0..<first { order.append(queue.takeNext()!) }
                        check(queue.hold(sync, behindItsFileOr: nil))
                        check(!queue.hold(foreign, behindItsFileOr: requests[0]))
                        while let request = queue.takeNext() { order.append(request) }
                    }
                    let place = order.firstIndex(of: sync)!
                    for index in 1...many + 1 { check(order.firstIndex(of: requests[index])! < place) }
                    check(order.last == requests[many + 2])
                    for request in requests { Exposure.end(request) }
                    queue.free()
                }
            }
        }
    }

    @Test func `gives up the request that is meant, and no other`() async {
        await #expect(processExitsWith: .success) {
            withRequests(3) { requests in
                let (queue, other) = (HoldingQueue(.byPriority()), HoldingQueue(.inOrder))
                func withdraw(_ request: Request, _ sequence: UInt64? = nil, at position: Int = 0, force: Bool = false)
                    -> CancelOutcome
                {
                    queue.locked {
                        queue.withdraw(
                            RequestIdentity(slot: request.identity.slot, sequence: sequence ?? request.sequence),
                            at: position, force: force)
                    }
                }
                queue.locked { for request in requests.prefix(2) { queue.hold(request) } }
                other.locked { other.hold(requests[2]) }
                check(withdraw(requests[0], requests[1].sequence) == .no)
                check(withdraw(requests[0], at: 1) == .no)
                // It waits in another queue of the same module.
                check(withdraw(requests[2]) == .no)
                requests[0].transferred = 1
                check(withdraw(requests[0]) == .begun)
                check(queue.count, is: 2)
                check(withdraw(requests[0], force: true) == .taken)
                check(withdraw(requests[0], force: true) == .no)
                check(queue.locked { queue.takeNext() } == requests[1])
                check(withdraw(requests[1]) == .no)
                check(other.locked { other.takeNext() } == requests[2])
                for request in requests { Exposure.end(request) }
            }
        }
    }

    @Test func `is for many threads that hold, take and withdraw at once`() async {
        await #expect(processExitsWith: .success) {
            let count = 400
            withRequests(count) { requests in
                let queue = HoldingQueue(.byPriority())
                for (index, request) in requests.enumerated() { request.priority = Int32(index % 21) }
                let gone = (0..<4).map { _ in UnsafeMutablePointer<Int>.allocate(capacity: 1) }
                for number in gone { number.pointee = 0 }
                concurrently(4) { number in
                    let mask = SignalMask.blockAll()
                    defer { mask.restore() }
                    let mine = stride(from: number, to: count, by: 4)
                    for index in mine {
                        queue.locked { queue.hold(requests[index]) }
                        if index % 3 == 0 {
                            let outcome = queue.locked {
                                queue.withdraw(requests[index].identity, at: 0, force: true)
                            }
                            if outcome == .taken { gone[number].pointee += 1 }
                        } else if let request = queue.locked({ queue.takeNext() }) {
                            Exposure.end(request)
                            gone[number].pointee += 1
                        }
                    }
                }
                var left = 0
                while queue.locked({ queue.takeNext() }) != nil { left += 1 }
                check(gone.reduce(left) { $0 + $1.pointee }, is: count)
                check(queue.isEmpty)
            }
        }
    }
}

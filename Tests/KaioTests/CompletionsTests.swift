import CKernel
import Synchronization
import Testing

@testable import Kaio

/// Stands for a user's block: only its address counts here.
private func user(_ number: Int) -> UserBlock { UserBlock(UnsafeRawPointer(bitPattern: 0x1000 + number * 256)!) }
private func takeNumber() -> Int? { Completions.take().map { (Int(bitPattern: $0.0.base) - 0x1000) / 256 } }

@Suite struct `The completions that nobody took` {
    @Test func `are given out once, oldest first`() async {
        await #expect(processExitsWith: .success) {
            check(Completions.prepare())
            check(takeNumber() == nil)
            for index in 0..<100 { Completions.fill(Completions.next(), user(index)) }
            for index in 0..<100 { check(takeNumber(), is: index) }
            check(takeNumber() == nil)
        }
    }

    @Test func `are without those that were taken another way`() async {
        await #expect(processExitsWith: .success) {
            check(Completions.prepare())
            let places = (0..<10).map { index in
                let place = Completions.next()
                Completions.fill(place, index == 4 ? nil : user(index))
                return place
            }
            for index in [0, 3, 9] { Completions.forget(places[index], user(index)) }
            // Another request has the place by now, or had it.
            Completions.forget(places[5], user(6))
            for index in [1, 2, 5, 6, 7, 8] { check(takeNumber(), is: index) }
            check(takeNumber() == nil)
        }
    }

    @Test func `are not given out before they can be seen`() async {
        await #expect(processExitsWith: .success) {
            check(Completions.prepare())
            let (first, second) = (Completions.next(), Completions.next())
            Completions.fill(second, user(2))
            check(takeNumber() == nil)
            // Nor is there nothing left.
            check(Completions.count(upTo: 2) == (0, first) && Completions.hasMore(from: first))
            Completions.fill(first, user(1))
            check(Completions.count(upTo: 1) == (1, second))
            check(Completions.count(upTo: 9) == (2, second + 1) && !Completions.hasMore(from: second + 1))
            check(takeNumber(), is: 1)
            check(takeNumber(), is: 2)
        }
    }

    @Test func `are the latest 65,536`() async {
        await #expect(processExitsWith: .success) {
            check(Completions.prepare())
            for index in 0..<200_000 { Completions.fill(Completions.next(), user(index)) }
            var taken: [Int] = []
            while let number = takeNumber() { taken.append(number) }
            check(taken.count, is: 65536)
            check(taken == Array(200_000 - 65536..<200_000))
        }
    }

    @Test func `go each to one of many threads`() async {
        await #expect(processExitsWith: .success) {
            check(Completions.prepare())
            let count = 8000
            let sum = Atomic<Int>(0)
            let taken = Atomic<Int>(0)
            concurrently(4) { thread in
                if thread < 2 {
                    for index in 0..<count { Completions.fill(Completions.next(), user(thread * count + index)) }
                    return
                }
                while taken.load(ordering: .relaxed) < 2 * count {
                    guard let number = takeNumber() else {
                        sched_yield()
                        continue
                    }
                    taken.add(1, ordering: .relaxed)
                    sum.add(number, ordering: .relaxed)
                }
            }
            check(taken.load(ordering: .relaxed), is: 2 * count)
            check(sum.load(ordering: .relaxed), is: 2 * count * (2 * count - 1) / 2)
        }
    }
}

// Says when operations are due, at a fixed rate: operation k at k times the interval, and it is the k-th task's in turn. A thread of its
// own does it, since Task.sleep is more than a millisecond late where there is work, which would count as the library's time.

import Glibc
import Synchronization

final class Pacer: Sendable {
    /// Of a task: what is due and not begun, and who waits for it.
    private struct Slot {
        var due: [Double] = []
        var isOver = false
        var waiter: CheckedContinuation<Double?, Never>?
    }

    private let slots: Mutex<[Slot]>
    private let tasks: Int

    init(tasks: Int) {
        self.tasks = tasks
        slots = Mutex([Slot](repeating: Slot(), count: tasks))
    }

    /// When the task's next operation was due, once it is; nil when all are over.
    func next(of task: Int) async -> Double? {
        await withCheckedContinuation { continuation in
            let now: Double?? = slots.withLock { slots in
                if !slots[task].due.isEmpty { return .some(slots[task].due.removeFirst()) }
                if slots[task].isOver { return .some(nil) }
                slots[task].waiter = continuation
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    /// For a thread: `rate` a second, from now on.
    func run(rate: Int, seconds: Double) {
        let began = now()
        let count = Int(Double(rate) * seconds)
        var begun = 0
        while begun < count {
            usleep(Pacer.step)
            let due = min(count, Int((now() - began) * Double(rate)))
            while begun < due {
                give(began + Double(begun) / Double(rate), to: begun % tasks)
                begun += 1
            }
        }
        for task in 0..<tasks {
            let waiter = slots.withLock { slots in
                slots[task].isOver = true
                defer { slots[task].waiter = nil }
                return slots[task].waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    /// Microseconds; an operation is begun at most so much late.
    private static let step: UInt32 = 100

    private func give(_ time: Double, to task: Int) {
        let waiter = slots.withLock { slots in
            defer { slots[task].waiter = nil }
            if slots[task].waiter == nil { slots[task].due.append(time) }
            return slots[task].waiter
        }
        waiter?.resume(returning: time)
    }
}

enum Thread {
    static func start(_ body: @escaping @Sendable () -> Void) {
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            {
                Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().body()
                return nil
            }, argument)
        precondition(error == 0, "no thread")
        pthread_detach(thread)
    }

    private final class Body {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

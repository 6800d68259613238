// delay_inject: delays completions, by a fixed or a random time: a slow device, or one that is slow now and then.
//
//     vfs objects = ordered delay_inject aio_linux aio_poll aio_pthread
//     delay_inject:delay = 10ms
//     delay_inject:operations = read write
//
//     delay_inject:distribution = uniform
//     delay_inject:minimum = 1ms
//     delay_inject:maximum = 20ms
//     delay_inject:seed = 1
//
// The request is done without delay; its completion is then kept by `Timers`, so no thread is held. To the program
// and to the modules above, the request is in progress as if the device still had it: it can't be cancelled. Its
// descriptor is not used any more, so it may be closed.
//
// Invariant: only the counts change, and they only grow; so no lock is needed. The delay of a request depends on the
// seed, its operation and its number among the requests of that operation.

import CKernel
import Synchronization

final class DelayInject: Module {
    struct Settings {
        enum Distribution {
            case fixed, uniform, exponential
        }

        var distribution = Distribution.fixed
        var delay: Int64 = 0
        var minimum: Int64 = 0
        var maximum: Int64 = 0

        /// In nanoseconds.
        func delay(_ fraction: Double) -> Int64 {
            switch distribution {
            case .fixed: return delay
            case .uniform: return minimum + Int64(fraction * Double(maximum - minimum))
            case .exponential:
                // Of 1 - fraction, which is above 0.
                let tail = -naturalLogarithm(1 - fraction) * Double(delay)
                return min(minimum + Int64(min(tail, 1e18)), maximum)
            }
        }
    }

    private struct Counts: ~Copyable {
        let reads = Atomic<UInt64>(0)
        let writes = Atomic<UInt64>(0)
        let synchronizations = Atomic<UInt64>(0)

        func next(_ stream: Int) -> UInt64 {
            switch stream {
            case 0: reads.wrappingAdd(1, ordering: .relaxed).newValue
            case 1: writes.wrappingAdd(1, ordering: .relaxed).newValue
            default: synchronizations.wrappingAdd(1, ordering: .relaxed).newValue
            }
        }

        func reset() {
            reads.store(0, ordering: .relaxed)
            writes.store(0, ordering: .relaxed)
            synchronizations.store(0, ordering: .relaxed)
        }
    }

    static let parameters: StaticString = "delay, minimum, maximum, distribution, operations, seed"

    let name: StaticString = "delay_inject"
    private let position: Int
    private let operations: Operations
    private let settings: Settings
    private let dice: Dice
    private let counts: UnsafeMutablePointer<Counts>
    private let delays: PerRequest<Int64>

    private static let longest: Int64 = 3_600_000_000_000

    /// Nil: a parameter is bad, or there is no memory. (Not an initializer: Embedded Swift does not free what that leaves.)
    static func make(position: Int, parameters: Parameters) -> DelayInject? {
        let seed = parameters.number("delay_inject", "seed", default: 1, in: 0...Int(Int32.max))
        let (operations, settings) = (DelayInject.operations(parameters), DelayInject.settings(parameters))
        guard let operations, let settings, let delays = PerRequest<Int64>() else { return nil }
        return DelayInject(position, operations, settings, delays, Dice(seed: UInt64(seed)))
    }

    private init(
        _ position: Int, _ operations: Operations, _ settings: Settings, _ delays: PerRequest<Int64>, _ dice: Dice
    ) {
        self.position = position
        self.operations = operations
        self.settings = settings
        self.delays = delays
        self.dice = dice
        counts = .allocate(capacity: 1)
        counts.initialize(to: Counts())
    }

    deinit {
        counts.deallocate()
        delays.free()
    }

    /// The child's requests are counted from 1 on.
    func reset() { counts.pointee.reset() }

    // MARK: Module

    func passage(of operation: Operation) -> Passage { operations.contains(operation) ? .intercepts : .passesThrough }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        for request in requests {
            let operation = request.operation
            guard operations.contains(operation) else { continue }
            let stream = Operations.index(operation)
            let delay = settings.delay(dice.fraction(stream, counts.pointee.next(stream)))
            guard delay > 0 else { continue }
            delays[request] = delay
            turn.observe(request, at: position)
        }
        turn.handOn(&requests, below: position)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        // Who cancels waits for that to be seen.
        if request.result == -Int(ECANCELED) { return true }
        Exposure.end(request)
        return !Timers.add(
            request, at: Instant.now.advanced(by: delays[request]), for: position, isForGood: true)
    }

    func expired(_ request: Request, _ turn: inout Turn) { turn.complete(request, request.result) }

    // MARK: settings

    private static func operations(_ parameters: Parameters) -> Operations? {
        guard var words = parameters.text("delay_inject", "operations") else { return .any }
        var operations = Operations.none
        while let word = words.takeWord() {
            if operations.add(word) { continue }
            parameters.complain("delay_inject", "operations", word, "not read, write, fsync or any")
            return nil
        }
        return operations
    }

    static func settings(_ parameters: Parameters) -> Settings? {
        var settings = Settings()
        settings.delay = parameters.interval("delay_inject", "delay", default: 0, in: 0...longest)
        settings.minimum = parameters.interval("delay_inject", "minimum", default: 0, in: 0...longest)
        let isRandom = parameters.text("delay_inject", "maximum") != nil
        settings.maximum = parameters.interval("delay_inject", "maximum", default: longest, in: 0...longest)
        let standard: StaticString = isRandom ? "uniform" : "fixed"
        let distribution = parameters.text("delay_inject", "distribution") ?? Text(standard)
        if distribution == "fixed" {
            settings.distribution = .fixed
        } else if distribution == "uniform", isRandom {
            settings.distribution = .uniform
        } else if distribution == "exponential" {
            settings.distribution = .exponential
        } else {
            parameters.complain(
                "delay_inject", "distribution", distribution,
                "not fixed (with delay), uniform (with maximum) or exponential (with delay)")
            return nil
        }
        if settings.minimum > settings.maximum {
            parameters.complain(
                "delay_inject", "minimum", parameters.text("delay_inject", "minimum")!, "more than the maximum")
            return nil
        }
        return settings
    }
}

/// Of a number above 0, to some 10 digits. (The C library's is in a library of its own, which nothing else needs.)
func naturalLogarithm(_ value: Double) -> Double {
    let bits = value.bitPattern
    let exponent = Int(bits >> 52) - 1023
    // From 1 up to 2: ln m = 2 (s + s^3/3 + s^5/5 + ...), where s is at most 1/3.
    let mantissa = Double(bitPattern: bits & (1 << 52 - 1) | 1023 << 52)
    let s = (mantissa - 1) / (mantissa + 1)
    var power = s
    var sum = 0.0
    for term in 0..<10 {
        sum += power / Double(2 * term + 1)
        power *= s * s
    }
    return Double(exponent) * 0.693147180559945309 + 2 * sum
}

extension DelayInject {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "delay_inject", parameters: parameters, make: { make(position: $0, parameters: $1) })
    }
}

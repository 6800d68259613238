// error_inject: fails chosen requests with an error of the user's choice, to see what a program makes of it.
//
//     vfs objects = ordered error_inject aio_linux aio_poll aio_pthread
//     error_inject:rules = write ENOSPC after 5; read EIO 10%; fsync EIO nth 3; write EIO range 1M-2M
//     error_inject:when = before
//     error_inject:seed = 1
//
// A rule is OPERATION ... ERROR, then what narrows it: a probability, counts, a range of offsets; all of them must
// hold. Each rule counts the requests of its operation and range, from 1 on. The first rule that says so fails a
// request. `before`: it is not done at all, and fails at once. `after`: it is done, and then reported as failed.
//
// Invariant: the rules are constant but for their counts, which only grow; so no lock is needed. The decision depends
// on the seed, the rule and the count alone.

import CKernel
import Synchronization

final class ErrorInject: Module {
    struct Rule: ~Copyable {
        var operations = Operations.none
        var error: CInt = 0
        /// In millionths.
        var chance = 1_000_000
        var first: UInt64 = 1
        var last: UInt64 = .max
        var every: UInt64 = 1
        /// From `start` up to, not including, `end`; none where `end` is 0.
        var start = 0
        var end = 0
        var path: PathPattern?
        let count = Atomic<UInt64>(0)

        func isAbout(_ request: Request) -> Bool {
            guard operations.contains(request.operation) else { return false }
            if let path, !path.matches(request.descriptor) { return false }
            if end == 0 { return true }
            return !request.operation.isSynchronize && request.offset < end
                && request.end > start
        }

        /// Counts a request that the rule is about; true if it is to fail.
        func isDue(_ dice: Dice, _ stream: Int) -> Bool {
            let number = count.wrappingAdd(1, ordering: .relaxed).newValue
            guard number >= first, number <= last, number % every == 0 else { return false }
            return chance == 1_000_000 || dice.roll(stream, number) % 1_000_000 < UInt64(chance)
        }
    }

    static let parameters: StaticString = "rules, when, seed"

    let name: StaticString = "error_inject"
    private let position: Int
    private let rules: UnsafeMutablePointer<Rule>
    private let count: Int
    private let dice: Dice
    /// Only with `after`: which error a request that is being done gets.
    private let errors: PerRequest<CInt>?

    init?(position: Int, parameters: Parameters) {
        self.position = position
        dice = Dice(
            seed: UInt64(parameters.number("error_inject", "seed", default: 1, in: 0...Int(Int32.max))))
        let text = parameters.text("error_inject", "rules") ?? Text("")
        var most = 1
        for index in 0..<text.count where text[index] == 0x3b { most += 1 }
        rules = .allocate(capacity: most)
        let known = ErrorInject.parse(text, rules, parameters)
        count = known ?? 0
        let when = parameters.text("error_inject", "when") ?? Text("before")
        errors = when == "after" ? PerRequest<CInt>() : nil
        let isTime = when == "before" || when == "after"
        if !isTime { parameters.complain("error_inject", "when", when, "not before or after") }
        // Not before all is set: Embedded Swift would not free what is half made.
        if known == nil || !isTime || when == "after" && errors == nil { return nil }
    }

    deinit {
        rules.deallocate()
        errors?.free()
    }

    /// The child's requests are counted from 1 on.
    func reset() { for index in 0..<count { rules[index].count.store(0, ordering: .relaxed) } }

    // MARK: Module

    func passage(of operation: Operation) -> Passage {
        for index in 0..<count where rules[index].operations.contains(operation) { return .intercepts }
        return .passesThrough
    }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        while let request = requests.popFirst() {
            let error = decide(request)
            if error == 0 {
                others.append(request)
            } else if let errors {
                errors[request] = error
                turn.observe(request, at: position)
                others.append(request)
            } else {
                turn.complete(request, -Int(error))
            }
        }
        turn.handOn(&others, below: position)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        // What was cancelled was not done.
        if let errors, request.result != -Int(ECANCELED) {
            request.result = -Int(errors[request])
        }
        return true
    }

    /// Every rule counts, also those after the one that fails the request.
    private func decide(_ request: Request) -> CInt {
        var error: CInt = 0
        for index in 0..<count where rules[index].isAbout(request) {
            if rules[index].isDue(dice, index), error == 0 { error = rules[index].error }
        }
        return error
    }

    // MARK: the rules' text

    /// Returns how many there are; nil if one makes no sense, which is said on stderr.
    static func parse(_ text: Text, _ rules: UnsafeMutablePointer<Rule>, _ parameters: Parameters) -> Int? {
        var rest = text
        var count = 0
        var isGood = true
        while !rest.isEmpty {
            let length = rest.firstIndex(of: 0x3b) ?? rest.count
            let whole = rest.prefix(length).trimmed
            rest = rest.dropFirst(length + 1)
            var words = whole
            guard let first = words.takeWord() else { continue }
            (rules + count).initialize(to: Rule())
            if let problem = fill(&rules[count], first, &words) {
                parameters.complain("error_inject", "rules", whole, problem)
                isGood = false
            }
            count += 1
        }
        return isGood ? count : nil
    }

    private static let unknownCondition: StaticString =
        "not a rule: after the error come 10%, nth N, every N, first N, after N, range FROM-TO, path PATTERN"

    /// Returns what is wrong.
    private static func fill(_ rule: inout Rule, _ first: Text, _ words: inout Text) -> StaticString? {
        var word: Text? = first
        while let operation = word, rule.operations.add(operation) { word = words.takeWord() }
        if rule.operations.isEmpty { return "not a rule: it begins with read, write, fsync or any" }
        guard let name = word else { return "not a rule: after the operations comes an error, such as EIO or 5" }
        guard let error = ErrorName.number(of: name) else {
            return
                "not a rule: the error is not known by this name; a number from 1 to 4095 will do, but for EINPROGRESS"
        }
        rule.error = error
        while let condition = words.takeWord() {
            if let chance = condition.millionths {
                rule.chance = chance
                continue
            }
            guard let value = words.takeWord() else { return unknownCondition }
            if condition == "range" {
                guard let dash = value.firstIndex(of: 0x2d), let start = value.prefix(dash).bytes,
                    let end = dash + 1 == value.count ? Int.max : value.dropFirst(dash + 1).bytes, start < end
                else { return "not a rule: a range is one such as 0-4k, 1M-2M or 1G-" }
                rule.start = start
                rule.end = end
                continue
            }
            if condition == "path" {
                if PathPattern.problem(value) != nil { return "not a rule: path is a pattern such as /data/*.db" }
                rule.path = PathPattern(text: value)
                continue
            }
            guard let number = value.number, number > 0 else { return unknownCondition }
            if condition == "nth" {
                rule.first = UInt64(number)
                rule.last = UInt64(number)
            } else if condition == "first" {
                rule.last = UInt64(number)
            } else if condition == "after" {
                rule.first = UInt64(number) + 1
            } else if condition == "every" {
                rule.every = UInt64(number)
            } else {
                return unknownCondition
            }
        }
        return nil
    }
}

extension ErrorInject {
    static var entry: ModuleEntry {
        ModuleEntry(
            name: "error_inject", parameters: parameters, make: { ErrorInject(position: $0, parameters: $1) })
    }
}

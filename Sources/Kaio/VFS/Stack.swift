// A connection's modules, top to bottom. Built once and never changed or freed, so that anyone may walk it at
// any time.

import CKernel

struct Stack: Equatable {
    private struct Contents {
        let modules: UnsafeMutablePointer<any Module>
        let count: Int
        let reads: ShortWay
        let writes: ShortWay
        let kernel: Int
    }

    /// The way of an operation past the modules down to `aio_linux`, if the request is in nobody's way.
    struct ShortWay {
        var lane = Express.Lane.none
        /// The first module that takes part: `ordered`, or `aio_linux`.
        var first = 0
        /// The bit of `ordered`, if that is on the way.
        var ordered: UInt16 = 0
        /// The modules above these that watch, one bit for each position.
        var watchers: UInt16 = 0

        init() {}

        /// None if a module stops the requests, or one of the two that know it is missing.
        init(_ operation: Operation, _ modules: UnsafeMutablePointer<any Module>, _ count: Int) {
            var way = ShortWay()
            for position in 0..<count {
                let module = modules[position]
                let bit = UInt16(1) << UInt16(position)
                if Text(module.name) == "aio_linux" {
                    if way.ordered == 0 { way.first = position }
                    way.lane = way.ordered == 0 ? .kernel : .orderedKernel
                    self = way
                    return
                }
                if Text(module.name) == "ordered", way.ordered == 0 {
                    way.ordered = bit
                    way.first = position
                    continue
                }
                switch module.passage(of: operation) {
                case .stops: return
                case .passes: break
                case .watches:
                    if way.ordered != 0 { return }
                    way.watchers |= bit
                }
            }
        }
    }

    private let contents: UnsafeMutablePointer<Contents>

    var count: Int { contents.pointee.count }
    /// The short way past its modules, if there is one.
    @inline(__always)
    func shortWay(of operation: Operation) -> ShortWay {
        operation == .read ? contents.pointee.reads : contents.pointee.writes
    }
    /// Where `aio_linux` is, if its requests may be completed without asking it; else -1.
    @inline(__always)
    var kernel: Int { contents.pointee.kernel }

    static let greatestCount = 16

    /// The stack of every descriptor that nothing else is said of. Nil until the engine's first start.
    nonisolated(unsafe) static var standard: Stack?

    /// Builds a stack from names with blanks between them.
    ///
    /// The last module must be one that takes everything, so `aio_pthread` is put there if it is not named.
    /// Nil if a name is unknown or there are too many; `problem` is then called with the name.
    /// Without `mayBeShort` every request passes every module.
    init?(names: Text, parameters: Parameters = .none, mayBeShort: Bool = true, problem: (Text) -> Void) {
        let modules = UnsafeMutablePointer<any Module>.allocate(capacity: Stack.greatestCount)
        var count = 0
        var rest = names
        var endsWell = false
        if let live = Live.make(above: names.countOfWords + 1) {
            modules.initialize(to: live)
            count = 1
        }
        while let name = rest.takeWord() {
            guard count < Stack.greatestCount - 1,
                let module = Registry.make(name, position: count, parameters: parameters)
            else {
                problem(name)
                return nil
            }
            (modules + count).initialize(to: module)
            count += 1
            endsWell = name == Registry.last
        }
        if !endsWell {
            (modules + count).initialize(to: Registry.make(Text(Registry.last), position: count)!)
            count += 1
        }
        self.init(modules, count, mayBeShort: mayBeShort)
    }

    /// A stack of a test's own modules has no short way.
    init(_ modules: UnsafeMutablePointer<any Module>, count: Int) { self.init(modules, count, mayBeShort: false) }

    private init(_ modules: UnsafeMutablePointer<any Module>, _ count: Int, mayBeShort: Bool) {
        contents = .allocate(capacity: 1)
        var kernel = -1
        if mayBeShort {
            for position in 0..<count where kernel < 0 && Text(modules[position].name) == "aio_linux" {
                kernel = position
            }
        }
        contents.initialize(
            to: Contents(
                modules: modules, count: count,
                reads: kernel < 0 ? ShortWay() : ShortWay(.read, modules, count),
                writes: kernel < 0 ? ShortWay() : ShortWay(.write, modules, count), kernel: kernel))
    }

    @inline(__always)
    subscript(position: Int) -> any Module { contents.pointee.modules[position] }

    func reset() { for position in 0..<count { self[position].reset() } }

    /// The position of the module with this name, or nil.
    func position(of name: StaticString) -> Int? {
        for position in 0..<count where Text(self[position].name) == name { return position }
        return nil
    }
}

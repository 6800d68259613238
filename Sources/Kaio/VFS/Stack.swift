// A connection's modules, top to bottom. Built once and never changed or freed, so that anyone may walk it at
// any time.

import CKernel

struct Stack: Equatable {
    private struct Contents {
        let modules: UnsafeMutablePointer<any Module>
        let count: Int
        let lane: Express.Lane
    }

    private let contents: UnsafeMutablePointer<Contents>

    var count: Int { contents.pointee.count }
    /// The short way past its modules, if there is one.
    var lane: Express.Lane { contents.pointee.lane }

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
        let first = Text(modules[0].name)
        var lane = Express.Lane.none
        if !mayBeShort {
            lane = .none
        } else if first == "aio_linux" {
            lane = .kernel
        } else if first == "ordered", Text(modules[1].name) == "aio_linux" {
            lane = .orderedKernel
        }
        self.init(modules, count, lane)
    }

    private init(_ modules: UnsafeMutablePointer<any Module>, _ count: Int, _ lane: Express.Lane) {
        contents = .allocate(capacity: 1)
        contents.initialize(to: Contents(modules: modules, count: count, lane: lane))
    }

    /// A stack of a test's own modules, with no short way.
    init(_ modules: UnsafeMutablePointer<any Module>, count: Int) { self.init(modules, count, .none) }

    @inline(__always)
    subscript(position: Int) -> any Module { contents.pointee.modules[position] }

    func reset() { for position in 0..<count { self[position].reset() } }

    /// The position of the module with this name, or nil.
    func position(of name: StaticString) -> Int? {
        for position in 0..<count where Text(self[position].name) == name { return position }
        return nil
    }
}

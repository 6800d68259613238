// A connection's modules, top to bottom. Built once and never changed or freed, so that anyone may walk it at
// any time.

import CKernel

struct Stack {
    private let modules: UnsafeMutablePointer<any Module>
    let count: Int

    static let greatestCount = 16

    /// The stack of every descriptor that nothing else is said of. Nil until the engine's first start.
    nonisolated(unsafe) static var standard: Stack?

    /// Builds a stack from names with blanks between them.
    ///
    /// The last module must be one that takes everything, so `aio_pthread` is put there if it is not named.
    /// Nil if a name is unknown or there are too many; `problem` is then called with the name.
    init?(names: Text, problem: (Text) -> Void) {
        modules = .allocate(capacity: Stack.greatestCount)
        var count = 0
        var rest = names
        var endsWell = false
        while let name = rest.takeWord() {
            guard count < Stack.greatestCount - 1, let module = Registry.make(name, position: count) else {
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
        self.count = count
    }

    @inline(__always)
    subscript(position: Int) -> any Module { modules[position] }

    /// The position of the module with this name, or nil.
    func position(of name: StaticString) -> Int? {
        for position in 0..<count where Text(self[position].name) == name { return position }
        return nil
    }
}

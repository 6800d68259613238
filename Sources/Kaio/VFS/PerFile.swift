// A value of a module's own for each open file: one place for each number of an `OpenFile`.
//
// Invariant: the place is the module's from `opened`, where it gives it its first value, to `closed`; who looks at it has the
// file, or holds the module's lock.

import CKernel

struct PerFile<Value> {
    private let places: UnsafeMutablePointer<Value>

    /// Reserves addresses; memory is used as files are. Nil where there is no room.
    init?() {
        guard let memory = Pages.map(OpenFiles.most * MemoryLayout<Value>.stride) else { return nil }
        places = memory.bindMemory(to: Value.self, capacity: OpenFiles.most)
    }

    func free() { Pages.unmap(places, OpenFiles.most * MemoryLayout<Value>.stride) }

    func begin(_ file: OpenFile, _ value: Value) { (places + file.number).initialize(to: value) }

    subscript(file: OpenFile) -> UnsafeMutablePointer<Value> { places + file.number }
    subscript(number: Int) -> UnsafeMutablePointer<Value> { places + number }
}

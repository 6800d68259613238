// A value of a module's own for each request in flight: one place for each control block, by its number.
//
// Invariant: the place belongs to who holds the request, like the control block itself, and means nothing before
// the module has written to it.

import CKernel

struct PerRequest<Value: BitwiseCopyable> {
    private let places: UnsafeMutablePointer<Value>

    /// Reserves addresses; memory is used as control blocks are. Nil where there is no room.
    init?() {
        guard let memory = Pages.map(Options.maxRequests * MemoryLayout<Value>.stride) else { return nil }
        places = memory.bindMemory(to: Value.self, capacity: Options.maxRequests)
    }

    func free() { Pages.unmap(places, Options.maxRequests * MemoryLayout<Value>.stride) }

    subscript(request: Request) -> Value {
        get { places[Int(Slab.number(of: request))] }
        nonmutating set { places[Int(Slab.number(of: request))] = newValue }
    }

    func place(of request: Request) -> UnsafeMutablePointer<Value> { places + Int(Slab.number(of: request)) }
}

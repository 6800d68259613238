// Where a request is: one word, of its sequence and its state, with one function that changes it.
//
//     state        whose the request is                                                     what may follow
//     free         nobody's; the whole word is 0                                            made
//     made         its maker's, and nobody finds it. A list stays so until it is over       held, free
//     held         a thread's, which has it somewhere else in a moment                      waiting, kept, inKernel, running,
//                                                                                           registering, publishing, published, free
//     waiting      in a queue, or in `Timers`, for the module at `position`, at `level`     held
//     kept         a module's, which gives it up to nobody: its own requests run, or a      held
//                  part is written; a module in C has it; it is complete, and delayed
//     inKernel     the kernel's                                                             held
//     running      a thread's that makes its transfer, or does its work (`runner`)          held
//     registering  about to be polled: the kernel, or the reactor, may have it already      polled, trying, held
//     polled       its descriptor is being polled; who cancels it may take it               trying, held
//     trying       a thread's that tries the transfer, while the reactor still watches      again, polled, held
//     again        the same, and the reactor has seen something meanwhile                   trying, held
//     publishing   over, but the program can't see it yet                                   published
//     published    over, as the program can see; only its notification is left              free
//
// Own requests, which no program sees, go from `held` to `published` at once, and to `free` where they were never started. So a
// request whose own requests run, or whose poll or delay goes on, has the one state that says whether it may be cancelled; what else
// there is of it (its alarm, its cells, its places in queues of modules) is its holder's.
//
// Invariant: only who has a request changes its word. Who takes it from a queue has it under that queue's lock, and the states of a
// poll are changed under the lock of `aio_poll`. So a change is a load and a store, and no two are made at the same time. Who only
// looks (cancels, closes, adopts) may find any state of any request there, and compares the sequence of the same load.
//
// Whether a request is counted in `Exposure` is no state, but a bit that only its holder knows: it is so, or not, in nearly all of
// these, from where it first waits to the last call by its descriptor's number.

import Synchronization

/// Numbered from 0, each in a byte.
enum RequestState: UInt8 {
    case free, made, held, waiting, kept, inKernel, running, registering, polled, trying, again, publishing, published

    func mayBecome(_ next: RequestState) -> Bool {
        switch (self, next) {
        case (.free, .made), (.made, .held), (.made, .free),
            (.held, .waiting), (.held, .kept), (.held, .inKernel), (.held, .running), (.held, .registering),
            (.held, .publishing), (.held, .published), (.held, .free),
            (.waiting, .held), (.kept, .held), (.inKernel, .held), (.running, .held),
            (.registering, .polled), (.registering, .trying), (.registering, .held),
            (.polled, .trying), (.polled, .held),
            (.trying, .again), (.trying, .polled), (.trying, .held), (.again, .trying), (.again, .held),
            (.publishing, .published), (.published, .free):
            true
        default: false
        }
    }

    /// It was submitted, and is not over.
    var isInFlight: Bool { self != .free && self != .made && self != .publishing && self != .published }
}

/// What the word says.
struct Whereabouts: Equatable {
    let word: UInt64

    private static let positionBits: UInt64 = 4
    private static let levelBits: UInt64 = 8
    private static let sequenceBits: UInt64 = 13

    /// Which request it is, in the order of the calls; 0: none.
    @inline(__always)
    var sequence: UInt64 { word >> Whereabouts.sequenceBits }
    @inline(__always)
    var state: RequestState { unsafeBitCast(UInt8(word & 0xf), to: RequestState.self) }
    /// Of one that is waiting, or kept: for which module.
    var position: Int { Int(word >> Whereabouts.positionBits & 0xf) }
    /// Of one that is waiting; see `HoldingQueue`. Of one that is polled, 1 if it is a write.
    var level: Int { Int(word >> Whereabouts.levelBits & 0x1f) }

    @inline(__always)
    init(word: UInt64) { self.word = word }

    @inline(__always)
    init(_ sequence: UInt64, _ state: RequestState, _ position: Int, _ level: Int) {
        word =
            sequence << Whereabouts.sequenceBits | UInt64(truncatingIfNeeded: level) << Whereabouts.levelBits
            | UInt64(truncatingIfNeeded: position) << Whereabouts.positionBits | UInt64(state.rawValue)
    }

    /// Whether only its completion takes the request away from where it is: else who cancels may, or a thread is just taking it from
    /// one place to the next. Of the write at the head of a stream's queue a part may be on its way.
    var isInProgressForGood: Bool {
        switch state {
        case .kept, .inKernel, .running: true
        case .polled: level == 1
        default: false
        }
    }
}

extension Request {
    @inline(__always)
    var whereabouts: Whereabouts { Whereabouts(word: shared.whereabouts.load(ordering: .sequentiallyConsistent)) }
    @inline(__always)
    var state: RequestState { whereabouts.state }
    /// Of its holder, or who found out otherwise which request it is.
    @inline(__always)
    var sequence: UInt64 { Whereabouts(word: shared.whereabouts.load(ordering: .relaxed)).sequence }

    /// The transition, by who has the request. With `isFenced` it comes before all that the thread does next, also as others see it.
    @inline(__always)
    func become(_ state: RequestState, at position: Int = 0, level: Int = 0, isFenced: Bool = false) {
        let old = Whereabouts(word: shared.whereabouts.load(ordering: .relaxed))
        assert(old.state.mayBecome(state))
        let word = Whereabouts(old.sequence, state, position, level).word
        if isFenced {
            shared.whereabouts.store(word, ordering: .sequentiallyConsistent)
        } else {
            shared.whereabouts.store(word, ordering: .releasing)
        }
    }

    /// The first and the last, of a block that is on no list and nobody's.
    @inline(__always)
    func occupy(_ sequence: UInt64) {
        shared.whereabouts.store(Whereabouts(sequence, .made, 0, 0).word, ordering: .relaxed)
    }

    func vacate() {
        assert(state.mayBecome(.free))
        shared.whereabouts.store(0, ordering: .relaxed)
    }

    /// From here on it is found by who looks for the requests on its descriptor; those of modules' own by fewer.
    @inline(__always)
    func appear(on descriptor: Descriptor, isOwn: Bool = false) {
        let place = descriptor.number &+ 1
        shared.visibleOn.store(isOwn ? -place : place, ordering: .relaxed)
        become(.held)
    }

    /// A thread makes its transfer, or does its work.
    func run(on thread: CInt) {
        shared.runner.store(thread, ordering: .relaxed)
        become(.running, isFenced: true)
    }

    func isWaiting(at position: Int) -> Bool {
        let now = whereabouts
        return now.state == .waiting && now.position == position
    }

    var identity: RequestIdentity { RequestIdentity(slot: Slab.number(of: self), sequence: sequence) }
}

/// A request as it is known to who does not have it: it may be over, and its control block another's.
struct RequestIdentity: Equatable {
    let slot: UInt32
    let sequence: UInt64

    /// The block in which it was, or is.
    @inline(__always)
    var request: Request { Slab.request(number: slot) }

    /// Nil: the block is another's, or nobody's.
    var whereabouts: Whereabouts? {
        let now = request.whereabouts
        return now.sequence == sequence ? now : nil
    }

    var state: RequestState { whereabouts?.state ?? .free }

    /// The request, if it waits for the module at `position`. Under the lock of where that one's wait: not all of them may be there.
    func request(waitingAt position: Int) -> Request? {
        guard let now = whereabouts, now.state == .waiting, now.position == position else { return nil }
        return request
    }
}

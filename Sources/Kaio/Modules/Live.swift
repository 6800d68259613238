// live: shows what is going on to who looks from outside, by file and operation (`kaio top`). Not for a list of modules:
// the library has it on top of every stack when KAIO_LIVE_DIR is set.
//
// While nobody looks, a request costs one load of a word in the page that both share (Runtime/LivePage.swift), and no
// request loses its fast path.
//
// Invariant: what `marks` has at a control block's number belongs to who has the request.

import CKernel

final class Live: Module {
    let name: StaticString = "live"
    private let position: Int

    private struct Mark {
        let place: LivePage.Place
        let begin: Int64
    }

    // These belong to the process, and are made once, or again in the child of a fork.
    nonisolated(unsafe) private(set) static var page: LivePage?
    nonisolated(unsafe) private static var path: PathTemplate?
    nonisolated(unsafe) private static var marks: UnsafeMutablePointer<Mark>?

    private init(position: Int) { self.position = position }

    /// The one on top of a stack of so many others. Nil where nobody can look, or no room is left.
    static func make(above count: Int) -> Live? {
        page == nil || count >= Stack.greatestCount ? nil : Live(position: 0)
    }

    func passage(of operation: Operation) -> Passage { .observesIfShown }

    @inline(__always)
    static var isWatched: Bool { page?.isWatched ?? false }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        if Live.isWatched {
            for request in requests {
                begins(request)
                turn.observe(request, at: position)
            }
        }
        turn.handOn(&requests, below: position)
    }

    func begins(_ request: Request) {
        let (operation, descriptor) = (request.operation, request.descriptor)
        let place = Live.page.unsafelyUnwrapped.begin(operation, descriptor, request.file)
        Live.marks.unsafelyUnwrapped[Int(Slab.number(of: request))] = Mark(
            place: place, begin: Instant.now.nanoseconds)
    }

    func completed(_ request: Request, _ turn: inout Turn) -> Bool {
        let mark = Live.marks.unsafelyUnwrapped[Int(Slab.number(of: request))]
        Live.page.unsafelyUnwrapped.end(
            mark.place, request.result, Instant.now.nanoseconds - mark.begin)
        return true
    }

    func isOver(_ outcome: Outcome, since begin: Instant) {
        let page = Live.page.unsafelyUnwrapped
        let place = page.begin(outcome.operation, outcome.descriptor, outcome.file)
        page.end(place, outcome.result, Instant.now.nanoseconds - begin.nanoseconds)
    }

    // MARK: the process's page

    /// Before any stack is made. What is wrong is said on stderr, and nobody can look then.
    static func prepare() {
        guard let directory = Options.liveDirectory else { return }
        var name = Message()
        name.add(directory)
        name.add("/")
        name.add(Text(live_name()))
        name.add("%p")
        guard let text = name.terminated(), let path = PathTemplate(Text(text)),
            let memory = Pages.map(Options.maxRequests * MemoryLayout<Mark>.stride)
        else { return }
        marks = memory.assumingMemoryBound(to: Mark.self)
        var error = 0
        page = LivePage.make(path, error: &error)
        if page == nil {
            var message = Message()
            message.add("kaio: KAIO_LIVE_DIR=")
            message.add(directory)
            message.add(": can't be used (")
            message.add(ErrorName.of(-error) ?? Text("?" as StaticString))
            message.add("); `kaio top` cannot show this process")
            message.show()
            return
        }
        Live.path = path
        atexit { Live.leave() }
    }

    private static func leave() {
        // Not the child of a fork that made no request: the file is its parent's.
        if let path, ProcessPage.current?.isOfThisProcess == true { LivePage.remove(path) }
    }

    /// In the child of a fork: it does not have its parent's page. Without one of its own, nobody can look at it.
    static func resetAll(makesPage: Bool) {
        guard page != nil, let path else { return }
        var error = 0
        page = makesPage ? LivePage.make(path, error: &error) : nil
    }
}

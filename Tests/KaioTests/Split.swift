// A module that does each read and write of a file as two requests of its own, one half each. Tests/Conformance/vfs has
// the same in C.

import CKernel

@testable import Kaio

final class Split: Module {
    let name: StaticString = "split"
    private let position: Int

    init(_ position: Int) { self.position = position }

    func submit(_ requests: inout RequestQueue, _ turn: inout Turn) {
        var others = RequestQueue()
        while let request = requests.popFirst() {
            if !isSplit(request, &turn) { others.append(request) }
        }
        turn.handOn(&others, below: position)
    }

    /// False: it goes on whole, being short, of several buffers, no transfer of a file; or there is no room for two more.
    private func isSplit(_ request: Request, _ turn: inout Turn) -> Bool {
        let length = request.length
        // Of whole blocks, for O_DIRECT.
        let half = length / 8192 * 4096
        guard half > 0, request.file.kind == .file, request.vectorCount == 0,
            !request.operation.isSynchronize, !request.file.isAppending
        else { return false }
        for part in [0..<half, half..<length] where turn.make(part, of: request, at: position) == nil {
            turn.dropOwn(for: request)
            return false
        }
        turn.start(for: request, at: position)
        return true
    }
}

// aio_cancel: a request that waits in the library is taken out of its queue and ends with ECANCELED. One that
// the kernel or a worker has is left alone, and the answer says so: its buffer may still change.

import CKernel

enum Cancellation {
    enum Answer {
        case cancelled, notCancelled, allDone
    }

    /// Cancels one request, or where `user` is nil every request on the descriptor.
    static func cancel(_ descriptor: Descriptor, _ user: UserBlock?) -> Result<Answer, CancelError> {
        if descriptor.statusFlags < 0 { return .failure(.badDescriptor) }
        if let user, user.descriptor != descriptor { return .failure(.otherDescriptor) }
        // Completions that nobody looked at yet are done, not in progress.
        Waiting.harvest(as: .caller)
        let mask = SignalMask.blockAll()
        defer { mask.restore() }
        guard Engine.hold() else { return .success(.allDone) }
        defer { Engine.leave(1) }
        var turn = Turn(.caller)
        var cancelled = 0
        var left = 0
        if let user {
            let number = user.slotNumber
            if user.isInProgress, number < Slab.used {
                let request = Slab.request(number: number)
                let sequence = request.sequence
                if user.stands(forSlot: number, sequence: sequence) {
                    if take(request, sequence, &turn) { cancelled += 1 } else { left += 1 }
                }
            }
        } else {
            for number in 0..<Slab.used {
                let request = Slab.request(number: number)
                let sequence = request.sequence
                guard sequence != 0, request.block.pointee.operation != .list,
                    request.block.pointee.descriptor == descriptor
                else { continue }
                if take(request, sequence, &turn) { cancelled += 1 } else { left += 1 }
            }
        }
        turn.finish()
        if left > 0 { return .success(.notCancelled) }
        return .success(cancelled > 0 ? .cancelled : .allDone)
    }

    enum CancelError: Error {
        case badDescriptor, otherDescriptor
    }

    /// Asks each module of the stack whether the request waits there.
    private static func take(_ request: Request, _ sequence: UInt64, _ turn: inout Turn) -> Bool {
        let stack = Stack.standard.unsafelyUnwrapped
        for position in 0..<stack.count where stack[position].cancel(request, sequence, &turn) {
            turn.complete(request, -Int(ECANCELED))
            return true
        }
        return false
    }
}

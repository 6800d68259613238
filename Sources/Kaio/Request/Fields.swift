// What a request says of itself: the members of its control block.

import CKernel

extension Request {
    /// What anyone may look at.
    @inline(__always)
    var shared: SharedState { unsafeAddress { UnsafePointer(at(&block.pointee.shared)) } }

    @inline(__always)
    private func at<T: ~Copyable>(_ member: UnsafeMutablePointer<T>) -> UnsafeMutablePointer<T> { member }
}

// One line each.
// swift-format-ignore
extension Request {
    var iocb: CKernel.iocb { unsafeAddress { UnsafePointer(at(&block.pointee.iocb)) } nonmutating unsafeMutableAddress { at(&block.pointee.iocb) } }
    var next: Request? { unsafeAddress { UnsafePointer(at(&block.pointee.next)) } nonmutating unsafeMutableAddress { at(&block.pointee.next) } }
    var user: UserBlock? { unsafeAddress { UnsafePointer(at(&block.pointee.user)) } nonmutating unsafeMutableAddress { at(&block.pointee.user) } }
    var operation: Operation { unsafeAddress { UnsafePointer(at(&block.pointee.operation)) } nonmutating unsafeMutableAddress { at(&block.pointee.operation) } }
    var position: UInt8 { unsafeAddress { UnsafePointer(at(&block.pointee.position)) } nonmutating unsafeMutableAddress { at(&block.pointee.position) } }
    var observers: UInt16 { unsafeAddress { UnsafePointer(at(&block.pointee.observers)) } nonmutating unsafeMutableAddress { at(&block.pointee.observers) } }
    var isExposed: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isExposed)) } nonmutating unsafeMutableAddress { at(&block.pointee.isExposed) } }
    var wakesReactor: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.wakesReactor)) } nonmutating unsafeMutableAddress { at(&block.pointee.wakesReactor) } }
    var pollRound: UInt32 { unsafeAddress { UnsafePointer(at(&block.pointee.pollRound)) } nonmutating unsafeMutableAddress { at(&block.pointee.pollRound) } }
    var isWatched: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isWatched)) } nonmutating unsafeMutableAddress { at(&block.pointee.isWatched) } }
    var mustBeWatched: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.mustBeWatched)) } nonmutating unsafeMutableAddress { at(&block.pointee.mustBeWatched) } }
    var hasAlarm: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.hasAlarm)) } nonmutating unsafeMutableAddress { at(&block.pointee.hasAlarm) } }
    var isStepwise: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isStepwise)) } nonmutating unsafeMutableAddress { at(&block.pointee.isStepwise) } }
    var isUnordered: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isUnordered)) } nonmutating unsafeMutableAddress { at(&block.pointee.isUnordered) } }
    var neverBlocks: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.neverBlocks)) } nonmutating unsafeMutableAddress { at(&block.pointee.neverBlocks) } }
    var cannotAskNotToWait: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.cannotAskNotToWait)) } nonmutating unsafeMutableAddress { at(&block.pointee.cannotAskNotToWait) } }
    var deadline: Instant { unsafeAddress { UnsafePointer(at(&block.pointee.deadline)) } nonmutating unsafeMutableAddress { at(&block.pointee.deadline) } }
    var isDeadlineKnown: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isDeadlineKnown)) } nonmutating unsafeMutableAddress { at(&block.pointee.isDeadlineKnown) } }
    var seen: Int { unsafeAddress { UnsafePointer(at(&block.pointee.seen)) } nonmutating unsafeMutableAddress { at(&block.pointee.seen) } }
    var most: Int { unsafeAddress { UnsafePointer(at(&block.pointee.most)) } nonmutating unsafeMutableAddress { at(&block.pointee.most) } }
    var secondTry: ControlBlock.SecondTry { unsafeAddress { UnsafePointer(at(&block.pointee.secondTry)) } nonmutating unsafeMutableAddress { at(&block.pointee.secondTry) } }
    var isKnownToWait: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isKnownToWait)) } nonmutating unsafeMutableAddress { at(&block.pointee.isKnownToWait) } }
    var isFileRemembered: Bool { unsafeAddress { UnsafePointer(at(&block.pointee.isFileRemembered)) } nonmutating unsafeMutableAddress { at(&block.pointee.isFileRemembered) } }
    var priority: Int32 { unsafeAddress { UnsafePointer(at(&block.pointee.priority)) } nonmutating unsafeMutableAddress { at(&block.pointee.priority) } }
    var arrival: Int64 { unsafeAddress { UnsafePointer(at(&block.pointee.arrival)) } nonmutating unsafeMutableAddress { at(&block.pointee.arrival) } }
    var descriptor: Descriptor { unsafeAddress { UnsafePointer(at(&block.pointee.descriptor)) } nonmutating unsafeMutableAddress { at(&block.pointee.descriptor) } }
    var file: FileFacts { unsafeAddress { UnsafePointer(at(&block.pointee.file)) } nonmutating unsafeMutableAddress { at(&block.pointee.file) } }
    var buffer: UnsafeMutableRawPointer? { unsafeAddress { UnsafePointer(at(&block.pointee.buffer)) } nonmutating unsafeMutableAddress { at(&block.pointee.buffer) } }
    var vectorCount: Int { unsafeAddress { UnsafePointer(at(&block.pointee.vectorCount)) } nonmutating unsafeMutableAddress { at(&block.pointee.vectorCount) } }
    var length: Int { unsafeAddress { UnsafePointer(at(&block.pointee.length)) } nonmutating unsafeMutableAddress { at(&block.pointee.length) } }
    var offset: Int { unsafeAddress { UnsafePointer(at(&block.pointee.offset)) } nonmutating unsafeMutableAddress { at(&block.pointee.offset) } }
    var transferred: Int { unsafeAddress { UnsafePointer(at(&block.pointee.transferred)) } nonmutating unsafeMutableAddress { at(&block.pointee.transferred) } }
    var result: Int { unsafeAddress { UnsafePointer(at(&block.pointee.result)) } nonmutating unsafeMutableAddress { at(&block.pointee.result) } }
    var notification: Notification { unsafeAddress { UnsafePointer(at(&block.pointee.notification)) } nonmutating unsafeMutableAddress { at(&block.pointee.notification) } }
    var list: Request? { unsafeAddress { UnsafePointer(at(&block.pointee.list)) } nonmutating unsafeMutableAddress { at(&block.pointee.list) } }
    var openFileWord: UInt64 { unsafeAddress { UnsafePointer(at(&block.pointee.openFileWord)) } nonmutating unsafeMutableAddress { at(&block.pointee.openFileWord) } }
    var owner: UInt8 { unsafeAddress { UnsafePointer(at(&block.pointee.owner)) } nonmutating unsafeMutableAddress { at(&block.pointee.owner) } }
    var parent: Request? { unsafeAddress { UnsafePointer(at(&block.pointee.parent)) } nonmutating unsafeMutableAddress { at(&block.pointee.parent) } }
    var sibling: Request? { unsafeAddress { UnsafePointer(at(&block.pointee.sibling)) } nonmutating unsafeMutableAddress { at(&block.pointee.sibling) } }
    var firstOwn: Request? { unsafeAddress { UnsafePointer(at(&block.pointee.firstOwn)) } nonmutating unsafeMutableAddress { at(&block.pointee.firstOwn) } }
    var lastOwn: Request? { unsafeAddress { UnsafePointer(at(&block.pointee.lastOwn)) } nonmutating unsafeMutableAddress { at(&block.pointee.lastOwn) } }
    var cellsHeld: UInt8 { unsafeAddress { UnsafePointer(at(&block.pointee.cellsHeld)) } nonmutating unsafeMutableAddress { at(&block.pointee.cellsHeld) } }
    var order: OrderNode { unsafeAddress { UnsafePointer(at(&block.pointee.order)) } nonmutating unsafeMutableAddress { at(&block.pointee.order) } }
}

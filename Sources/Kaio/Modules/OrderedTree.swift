// The ranges of one file that requests in flight cover, as a search tree in which overlaps are found fast: a
// treap, ordered by offset, in which each node knows how far its subtree reaches. The nodes are the control
// blocks themselves, so nothing is allocated.

/// What `ordered` keeps in a control block. Guarded by the module's lock.
struct OrderNode {
    /// The file that the request is registered with; nil if with none.
    var file: OrderedFile?

    /// The range: `start` up to, not including, `end`.
    var start = 0
    var end = 0
    var left: Request?
    var right: Request?
    /// A treap's heap order: a larger number is above a smaller one.
    var rank: UInt32 = 0
    /// The largest `end` in this subtree, and the largest of its writes.
    var reach = 0
    var writeReach = 0

    /// In an aio_fsync: the errno of an earlier write that failed while it waited; 0 if none did.
    var failure: CInt = 0

    /// The neighbours in the list, by age, of the file's writes (or its aio_fsyncs, or a stream's reads).
    var earlier: Request?
    var later: Request?

    /// The earlier request that this one waits for; nil if it does not wait.
    var blocker: Request?
    /// Whether the reactor was told of the wait: no caller may come for the completion that ends it.
    var isCountedAsHeld = false
    /// An aio_fsync that shares its blocker's: both end with the same result.
    var shares = false
    /// The requests that wait for this one.
    var waiters: Request?
    var nextWaiter: Request?
    var previousWaiter: Request?
}

struct OrderedTree {
    private(set) var root: Request?

    var isEmpty: Bool { root == nil }

    /// The latest of the requests before `sequence` that overlap the range, where one of the two is a write.
    func latestConflict(_ start: Int, _ end: Int, isWrite: Bool, before sequence: UInt64) -> Request? {
        var best: Request?
        search(root, start, end, isWrite, sequence, &best)
        return best
    }

    private func search(
        _ root: Request?, _ start: Int, _ end: Int, _ isWrite: Bool, _ sequence: UInt64, _ best: inout Request?
    ) {
        var current = root
        while let node = current {
            let order = node.block.pointee.order
            guard (isWrite ? order.reach : order.writeReach) > start else { return }
            search(order.left, start, end, isWrite, sequence, &best)
            if order.start >= end { return }
            if order.end > start, isWrite || node.block.pointee.operation == .write {
                let candidate = node.sequence
                if candidate < sequence, best == nil || candidate > best!.sequence { best = node }
            }
            current = order.right
        }
    }

    mutating func insert(_ node: Request) {
        node.block.pointee.order.left = nil
        node.block.pointee.order.right = nil
        node.block.pointee.order.rank = OrderedTree.rank(node.sequence)
        node.update()
        root = OrderedTree.insert(node, root)
    }

    mutating func remove(_ node: Request) { root = OrderedTree.remove(node, root) }

    /// As good as random, whichever part of the sequences comes here: the bits are mixed twice.
    private static func rank(_ sequence: UInt64) -> UInt32 {
        var bits = sequence
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return UInt32(truncatingIfNeeded: bits ^ bits >> 31)
    }

    private static func insert(_ node: Request, _ root: Request?) -> Request {
        guard let root else { return node }
        if node.block.pointee.order.rank > root.block.pointee.order.rank {
            let (left, right) = split(root, by: node)
            node.block.pointee.order.left = left
            node.block.pointee.order.right = right
            node.update()
            return node
        }
        if node.comesBefore(root) {
            root.block.pointee.order.left = insert(node, root.block.pointee.order.left)
        } else {
            root.block.pointee.order.right = insert(node, root.block.pointee.order.right)
        }
        root.update()
        return root
    }

    private static func split(_ root: Request?, by node: Request) -> (Request?, Request?) {
        guard let root else { return (nil, nil) }
        if root.comesBefore(node) {
            let (left, right) = split(root.block.pointee.order.right, by: node)
            root.block.pointee.order.right = left
            root.update()
            return (root, right)
        }
        let (left, right) = split(root.block.pointee.order.left, by: node)
        root.block.pointee.order.left = right
        root.update()
        return (left, root)
    }

    private static func remove(_ node: Request, _ root: Request?) -> Request? {
        guard let root else { return nil }
        if root == node {
            return merge(root.block.pointee.order.left, root.block.pointee.order.right)
        }
        if node.comesBefore(root) {
            root.block.pointee.order.left = remove(node, root.block.pointee.order.left)
        } else {
            root.block.pointee.order.right = remove(node, root.block.pointee.order.right)
        }
        root.update()
        return root
    }

    private static func merge(_ a: Request?, _ b: Request?) -> Request? {
        guard let a else { return b }
        guard let b else { return a }
        if a.block.pointee.order.rank > b.block.pointee.order.rank {
            a.block.pointee.order.right = merge(a.block.pointee.order.right, b)
            a.update()
            return a
        }
        b.block.pointee.order.left = merge(a, b.block.pointee.order.left)
        b.update()
        return b
    }
}

extension Request {
    fileprivate func comesBefore(_ other: Request) -> Bool {
        let (a, b) = (block.pointee.order.start, other.block.pointee.order.start)
        return a != b ? a < b : sequence < other.sequence
    }

    /// Computes how far the subtree reaches, from the node and its children.
    fileprivate func update() {
        var reach = block.pointee.order.end
        var writeReach = block.pointee.operation == .write ? reach : .min
        if let left = block.pointee.order.left {
            reach = max(reach, left.block.pointee.order.reach)
            writeReach = max(writeReach, left.block.pointee.order.writeReach)
        }
        if let right = block.pointee.order.right {
            reach = max(reach, right.block.pointee.order.reach)
            writeReach = max(writeReach, right.block.pointee.order.writeReach)
        }
        block.pointee.order.reach = reach
        block.pointee.order.writeReach = writeReach
    }
}

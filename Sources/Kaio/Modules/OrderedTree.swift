// The ranges of one file that requests in flight cover, as a search tree in which overlaps are found fast: a
// treap, ordered by offset, in which each node knows how far its subtree reaches. The nodes are the control
// blocks themselves, so nothing is allocated.

/// What `ordered` keeps in a control block. Guarded by the module's lock.
struct OrderNode {
    /// The file that the request is registered with; nil if with none.
    var file: OrderedFile?

    /// The file's number.
    var device: UInt64 = 0
    var inode: UInt64 = 0
    /// What `OrderedCells` keeps: the file's hash, and whether the cells are too many to be marked.
    var hash: UInt64 = 0
    /// Whether it is a transfer of a range of the file, known to `OrderedCells`.
    var hasRange = false
    var isWide = false

    /// The range: `start` up to, not including, `end`.
    var start = 0
    var end = 0
    var left: Request?
    var right: Request?
    /// A treap's heap order: a larger number is above a smaller one.
    var rank: UInt32 = 0
    /// What this subtree covers, and what its writes cover.
    var span = Span()
    var writeSpan = Span()

    /// Of a set of requests: the largest `end`, the first and the last sequence.
    struct Span {
        var reach = Int.min
        var first = UInt64.max
        var last: UInt64 = 0

        init() {}

        init(_ request: Request) {
            reach = request.order.end
            first = request.turn
            last = first
        }

        mutating func add(_ other: Span) {
            reach = max(reach, other.reach)
            first = min(first, other.first)
            last = max(last, other.last)
        }
    }

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

    /// A write before `sequence`; nil if there is none.
    func anyWrite(before sequence: UInt64) -> Request? {
        var current = root
        while let node = current, node.order.writeSpan.first < sequence {
            if node.operation == .write, node.turn < sequence { return node }
            let left = node.order.left
            let isLeft = left.map { $0.order.writeSpan.first < sequence } ?? false
            current = isLeft ? left : node.order.right
        }
        return nil
    }

    /// A subtree is passed over where none of it reaches the range, is early enough, or is later than the best so
    /// far; so a queue of requests that all overlap costs no more than one that don't.
    private func search(
        _ root: Request?, _ start: Int, _ end: Int, _ isWrite: Bool, _ sequence: UInt64, _ best: inout Request?
    ) {
        guard let root else { return }
        let order = root.order
        let span = isWrite ? order.span : order.writeSpan
        guard span.reach > start, span.first < sequence, best.map({ $0.turn < span.last }) ?? true else { return }
        if order.start < end, order.end > start, isWrite || root.operation == .write {
            let candidate = root.turn
            if candidate < sequence, best.map({ $0.turn < candidate }) ?? true { best = root }
        }
        let right = order.start < end ? order.right : nil
        let leftLast = order.left.map { $0.order.span.last } ?? 0
        let rightLast = right.map { $0.order.span.last } ?? 0
        search(leftLast > rightLast ? order.left : right, start, end, isWrite, sequence, &best)
        search(leftLast > rightLast ? right : order.left, start, end, isWrite, sequence, &best)
    }

    mutating func insert(_ node: Request) {
        node.order.left = nil
        node.order.right = nil
        node.order.rank = OrderedTree.rank(node.sequence)
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
        if node.order.rank > root.order.rank {
            let (left, right) = split(root, by: node)
            node.order.left = left
            node.order.right = right
            node.update()
            return node
        }
        if node.comesBefore(root) {
            root.order.left = insert(node, root.order.left)
        } else {
            root.order.right = insert(node, root.order.right)
        }
        root.update()
        return root
    }

    private static func split(_ root: Request?, by node: Request) -> (Request?, Request?) {
        guard let root else { return (nil, nil) }
        if root.comesBefore(node) {
            let (left, right) = split(root.order.right, by: node)
            root.order.right = left
            root.update()
            return (root, right)
        }
        let (left, right) = split(root.order.left, by: node)
        root.order.left = right
        root.update()
        return (left, root)
    }

    private static func remove(_ node: Request, _ root: Request?) -> Request? {
        guard let root else { return nil }
        if root == node {
            return merge(root.order.left, root.order.right)
        }
        if node.comesBefore(root) {
            root.order.left = remove(node, root.order.left)
        } else {
            root.order.right = remove(node, root.order.right)
        }
        root.update()
        return root
    }

    private static func merge(_ a: Request?, _ b: Request?) -> Request? {
        guard let a else { return b }
        guard let b else { return a }
        if a.order.rank > b.order.rank {
            a.order.right = merge(a.order.right, b)
            a.update()
            return a
        }
        b.order.left = merge(a, b.order.left)
        b.update()
        return b
    }
}

extension Request {
    fileprivate func comesBefore(_ other: Request) -> Bool {
        let (a, b) = (order.start, other.order.start)
        return a != b ? a < b : sequence < other.sequence
    }

    /// Computes what the subtree covers, from the node and its children.
    fileprivate func update() {
        var span = OrderNode.Span(self)
        var writeSpan = operation == .write ? span : OrderNode.Span()
        if let left = order.left {
            span.add(left.order.span)
            writeSpan.add(left.order.writeSpan)
        }
        if let right = order.right {
            span.add(right.order.span)
            writeSpan.add(right.order.writeSpan)
        }
        order.span = span
        order.writeSpan = writeSpan
    }
}

import CKernel
import Testing

@testable import Kaio

/// What the tree is to be, kept simply: every range, looked through one by one.
private struct Ranges {
    var all: [Request] = []

    func latestConflict(_ start: Int, _ end: Int, isWrite: Bool, before sequence: UInt64) -> Request? {
        all.filter { request in
            let order = request.order
            return order.start < end && order.end > start && request.sequence < sequence
                && (isWrite || request.operation == .write)
        }.max { $0.sequence < $1.sequence }
    }
}

extension Request {
    fileprivate func cover(_ start: Int, _ end: Int, _ operation: Operation) {
        order.start = start
        order.end = end
        self.operation = operation
    }
}

extension OrderNode.Span {
    fileprivate static func == (a: Self, b: Self) -> Bool {
        a.reach == b.reach && a.first == b.first && a.last == b.last
    }
}

extension OrderedTree {
    /// How deep the tree is, if every node is right about the nodes below it.
    fileprivate func depth(_ node: Request?) -> Int? {
        guard let node else { return 0 }
        let order = node.order
        let children = [order.left, order.right].compactMap { $0?.order }
        var span = OrderNode.Span(node)
        var writeSpan = node.operation == .write ? span : OrderNode.Span()
        for child in children {
            span.add(child.span)
            writeSpan.add(child.writeSpan)
        }
        guard order.span == span, order.writeSpan == writeSpan,
            children.allSatisfy({ $0.rank <= order.rank }),
            let left = depth(order.left), let right = depth(order.right)
        else { return nil }
        return 1 + max(left, right)
    }

    fileprivate var inOrder: [Request] {
        func walk(_ node: Request?) -> [Request] {
            guard let node else { return [] }
            return walk(node.order.left) + [node] + walk(node.order.right)
        }
        return walk(root)
    }
}

@Suite struct `The tree of ranges` {
    @Test(arguments: [20, 1000, 1 << 40])
    func `finds what a list finds`(_ span: Int) {
        var random = SystemRandomNumberGenerator()
        withRequests(80) { requests in
            var tree = OrderedTree()
            var model = Ranges()
            for step in 0..<2000 {
                let start = Int.random(in: 0..<span, using: &random)
                let end =
                    Int.random(in: 0..<20, using: &random) == 0
                    ? Int.max : start + Int.random(in: 0...min(span, 5000) / 4, using: &random)
                let isWrite = Bool.random(using: &random)
                let absent = requests.filter { !model.all.contains($0) }
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !absent.isEmpty:
                    let request = absent.randomElement(using: &random)!
                    request.cover(start, end, isWrite ? .write : .read)
                    tree.insert(request)
                    model.all.append(request)
                case 1 where !model.all.isEmpty:
                    let index = Int.random(in: 0..<model.all.count, using: &random)
                    tree.remove(model.all.remove(at: index))
                default:
                    let before = requests.randomElement(using: &random)!.sequence
                    let found = tree.latestConflict(start, end, isWrite: isWrite, before: before)
                    #expect(found == model.latestConflict(start, end, isWrite: isWrite, before: before))
                }
                #expect(tree.isEmpty == model.all.isEmpty)
                if step % 50 == 0 {
                    #expect(tree.depth(tree.root) != nil)
                    #expect(Set(tree.inOrder.map(\.sequence)) == Set(model.all.map(\.sequence)))
                    let starts = tree.inOrder.map { $0.order.start }
                    #expect(starts == starts.sorted())
                }
            }
        }
    }

    @Test func `sees no conflict of two reads`() {
        withRequests(2) { requests in
            var tree = OrderedTree()
            requests[0].cover(0, 100, .read)
            tree.insert(requests[0])
            let last = requests[1].sequence
            #expect(tree.latestConflict(0, 100, isWrite: false, before: last) == nil)
            #expect(tree.latestConflict(0, 100, isWrite: true, before: last) == requests[0])
        }
    }

    @Test func `sees no conflict of neighbours`() {
        withRequests(2) { requests in
            var tree = OrderedTree()
            requests[0].cover(100, 200, .write)
            tree.insert(requests[0])
            let last = requests[1].sequence
            #expect(tree.latestConflict(0, 100, isWrite: true, before: last) == nil)
            #expect(tree.latestConflict(200, 300, isWrite: true, before: last) == nil)
            #expect(tree.latestConflict(199, 200, isWrite: false, before: last) == requests[0])
            #expect(tree.latestConflict(0, 101, isWrite: false, before: last) == requests[0])
        }
    }

    @Test func `sees no conflict with what came later`() {
        withRequests(2) { requests in
            var tree = OrderedTree()
            requests[1].cover(0, 100, .write)
            tree.insert(requests[1])
            #expect(tree.latestConflict(0, 100, isWrite: true, before: requests[0].sequence) == nil)
            #expect(tree.latestConflict(0, 100, isWrite: true, before: requests[1].sequence) == nil)
        }
    }

    @Test func `finds the latest of many`() {
        withRequests(50) { requests in
            var tree = OrderedTree()
            for request in requests.dropLast().shuffled() {
                request.cover(0, 100, .write)
                tree.insert(request)
            }
            #expect(tree.latestConflict(50, 60, isWrite: false, before: requests[49].sequence) == requests[48])
            #expect(tree.latestConflict(50, 60, isWrite: false, before: requests[30].sequence) == requests[29])
            tree.remove(requests[29])
            #expect(tree.latestConflict(50, 60, isWrite: false, before: requests[30].sequence) == requests[28])
        }
    }

    /// In this order a search tree without balance is a list.
    @Test(arguments: [1, -1])
    func `stays shallow when requests come in the order of their offsets`(_ direction: Int) throws {
        try withRequests(4000) { requests in
            var tree = OrderedTree()
            for (index, request) in requests.enumerated() {
                let start = (direction > 0 ? index : requests.count - index) * 4096
                request.cover(start, start + 4096, .write)
                tree.insert(request)
            }
            let depth = try #require(tree.depth(tree.root))
            #expect(depth < 60)
            for request in requests { tree.remove(request) }
            #expect(tree.isEmpty)
        }
    }

    /// As they do when a program goes round many files.
    @Test(arguments: [2, 8, 55, 144])
    func `stays shallow when only every so many requests are its own`(_ files: Int) throws {
        try withRequests(10_000) { requests in
            var tree = OrderedTree()
            var count = 0
            for index in stride(from: 0, to: requests.count, by: files) {
                requests[index].cover(index * 4096, (index + 1) * 4096, .write)
                tree.insert(requests[index])
                count += 1
            }
            let depth = try #require(tree.depth(tree.root))
            #expect(depth < 60, "\(count) requests")
        }
    }
}
